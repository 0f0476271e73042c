// What a run learns: which tensors change, how fast, and by which loss. The trainer (trainer.h) brings pictures, draws
// and steps, and knows no more of it than this.
#ifndef BAYESPFL_MODEL_TRAINING_TRAINING_TASK_H_
#define BAYESPFL_MODEL_TRAINING_TRAINING_TASK_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "model/libtorch.h"
#include "model/network/model.h"
#include "model/network/weights.h"
#include "model/training/optimiser.h"
#include "model/training/parameter_groups.h"
#include "model/training/training_loss.h"

namespace bayespfl {

// The stage in which the towers learn, before the paper's stages 1 and 2.
inline constexpr int kTowerStage = 0;

// What is drawn for one step.
struct StepDraws {
  StepNoise noise;
  int64_t prompt = 0;  // the pair that the step looks at, 0 .. B - 1
};

// Not thread-safe: its tensors change.
class TrainingTask {
 public:
  virtual ~TrainingTask() = default;

  virtual const ModelConfig& config() const = 0;
  virtual torch::Device device() const = 0;
  // Every tensor of the run by name: fp32 leaves on the device that want a gradient, whose values the trainer changes.
  virtual const TensorMap& parameters() const = 0;

  // kTowerStage, or 1.
  virtual int first_stage() const = 0;
  virtual AdamOptions optimiser() const = 0;
  // Those that learn in a stage.
  virtual std::vector<ParameterGroup> Groups(int stage) const = 0;

  // A model of the parameters as they are, which gradients go through. Requires a stage from first_stage() on.
  virtual absl::StatusOr<std::unique_ptr<const BayesPflModel>> Assemble(int stage) const = 0;
  // Of the pictures of one step; `model` is Assemble()'s for this stage. Errors of the pictures' objects. Throws
  // c10::Error when the device fails.
  virtual absl::StatusOr<LossTerms> Loss(int stage, const BayesPflModel& model, const LabelledBatch& batch,
                                         const StepDraws& draws) const = 0;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_TRAINING_TASK_H_
