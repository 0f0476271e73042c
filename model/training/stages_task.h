// The paper's two stages: Bayes-PFL's own parameters learn between frozen towers.
#ifndef BAYESPFL_MODEL_TRAINING_STAGES_TASK_H_
#define BAYESPFL_MODEL_TRAINING_STAGES_TASK_H_

#include <memory>
#include <vector>

#include "model/training/training_task.h"

namespace bayespfl {

class StagesTask final : public TrainingTask {
 public:
  // `parameters` are LoadParameters()' on the towers' device, where training starts; they are changed.
  StagesTask(ModelConfig config, ClipTowers towers, TensorMap parameters, torch::Device device);

  const ModelConfig& config() const override { return config_; }
  torch::Device device() const override { return device_; }
  const TensorMap& parameters() const override { return parameters_; }
  int first_stage() const override { return 1; }
  AdamOptions optimiser() const override { return {}; }
  std::vector<ParameterGroup> Groups(int stage) const override { return ParameterGroups(stage, parameters_); }
  absl::StatusOr<std::unique_ptr<const BayesPflModel>> Assemble(int stage) const override;
  // Requires the features of the pictures.
  absl::StatusOr<LossTerms> Loss(int stage, const BayesPflModel& model, const LabelledBatch& batch,
                                 const StepDraws& draws) const override;

 private:
  const ModelConfig config_;
  const ClipTowers towers_;
  const TensorMap parameters_;
  const torch::Device device_;
  const torch::Tensor upsampling_;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_STAGES_TASK_H_
