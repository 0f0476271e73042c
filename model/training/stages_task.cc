#include "model/training/stages_task.h"

#include <utility>

#include "model/training/interpolation_matrix.h"

namespace bayespfl {

StagesTask::StagesTask(ModelConfig config, ClipTowers towers, TensorMap parameters, torch::Device device)
    : config_(std::move(config)),
      towers_(std::move(towers)),
      parameters_(std::move(parameters)),
      device_(device),
      upsampling_(InterpolationMatrix(config_.image_size, config_.grid(), device)) {}

absl::StatusOr<std::unique_ptr<const BayesPflModel>> StagesTask::Assemble(int stage) const {
  ModelConfig config = config_;
  config.stage = stage;
  WeightReader reader(parameters_, "the parameters");
  return BayesPflModel::Assemble(config, towers_, reader, device_);
}

absl::StatusOr<LossTerms> StagesTask::Loss(int stage, const BayesPflModel& model, const LabelledBatch& batch,
                                           const StepDraws& draws) const {
  return stage == 1 ? Stage1Loss(model, batch, draws.noise, draws.prompt, upsampling_)
                    : Stage2Loss(model, batch, draws.noise, draws.prompt);
}

}  // namespace bayespfl
