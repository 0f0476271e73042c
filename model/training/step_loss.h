// What a step of a run is to learn from, put together.
#ifndef BAYESPFL_MODEL_TRAINING_STEP_LOSS_H_
#define BAYESPFL_MODEL_TRAINING_STEP_LOSS_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "model/training/training_loss.h"
#include "model/training/training_task.h"

namespace bayespfl {

// The loss of step `step`, counted from 0, of a run with this seed, in a stage: of a model of the task's parameters as
// they are, with the step's draws. Errors of TrainingTask::Assemble() and Loss(); throws c10::Error when the device
// fails.
absl::StatusOr<LossTerms> LossOfStep(const TrainingTask& task, int stage, const LabelledBatch& batch, uint64_t seed,
                                     int64_t step);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_STEP_LOSS_H_
