// The stage before the paper's two: a small image tower and a text tower learn, with Bayes-PFL's own parameters, from
// labelled pictures alone, for people without CLIP's weights.
#ifndef BAYESPFL_MODEL_TOWER_TRAINING_TOWERS_TASK_H_
#define BAYESPFL_MODEL_TOWER_TRAINING_TOWERS_TASK_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "model/detection/object_reader.h"
#include "model/package/model_package.h"
#include "model/tower_training/teacher.h"
#include "model/training/training_task.h"

namespace bayespfl {

struct TowersOptions {
  double learning_rate = 1e-3;  // before warm-up and cosine; of the two temperatures kTemperatureRate times that
  double weight_decay = 0.05;   // of the blocks' matrices
  bool muon = false;            // their optimiser is Muon (training/muon.h) instead of AdamW
};

inline constexpr double kTemperatureRate = 5;
// Of the terms beside stage 1's, and of stage 1's KL divergences and orthogonality here: towers that know nothing yet
// have better to do than keep prompts apart.
inline constexpr double kDistillationWeight = 1;
inline constexpr double kAuxiliaryWeight = 0.5;
inline constexpr double kCaptionWeight = 0.2;
inline constexpr double kPromptTermWeight = 0.2;

// The loss: stage 1's with pictures' features that gradients go through, plus
//   auxiliary     focal and dice of linear heads on the patch tokens, cross entropy of one on the image's feature
//   captions      of caption_loss.h
//   distillation  of distillation_loss.h, where there is a teacher
class TowersTask final : public TrainingTask {
 public:
  // Both kinds of weights of the package, and heads that are thrown away. Borrows `objects`; `teacher` may be null.
  // DataLoss: a tensor is missing or does not fit.
  static absl::StatusOr<std::unique_ptr<TowersTask>> Create(const ModelPackage& package, const ObjectReader& objects,
                                                            std::unique_ptr<const Teacher> teacher,
                                                            const TowersOptions& options, torch::Device device);

  const ModelConfig& config() const override { return config_; }
  torch::Device device() const override { return device_; }
  const TensorMap& parameters() const override { return parameters_; }
  int first_stage() const override { return kTowerStage; }
  // As CLIP's: betas 0.9 and 0.98.
  AdamOptions optimiser() const override { return {.beta1 = 0.9, .beta2 = 0.98}; }
  std::vector<ParameterGroup> Groups(int stage) const override;
  // Of stage 1, whatever `stage`: the image's feature is compared as it is.
  absl::StatusOr<std::unique_ptr<const BayesPflModel>> Assemble(int stage) const override;
  // Requires the pictures themselves.
  absl::StatusOr<LossTerms> Loss(int stage, const BayesPflModel& model, const LabelledBatch& batch,
                                 const StepDraws& draws) const override;

 private:
  TowersTask(ModelConfig config, TensorMap parameters, const ObjectReader& objects,
             std::unique_ptr<const Teacher> teacher, const TowersOptions& options, torch::Device device);
  int64_t TeacherChannels() const { return teacher_ == nullptr ? 0 : teacher_->channels(); }

  const ModelConfig config_;
  const TensorMap parameters_;
  const ObjectReader& objects_;
  const std::unique_ptr<const Teacher> teacher_;
  const TowersOptions options_;
  const torch::Device device_;
  const torch::Tensor upsampling_;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TOWER_TRAINING_TOWERS_TASK_H_
