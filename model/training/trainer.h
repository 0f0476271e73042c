// Trains a model in stages. What learns in them, and by which loss, is a task's business (training_task.h):
//
//   stage 0   the towers and everything else (model/tower_training/towers_task.h); the best epoch by pixel AP. Alone
//   stage 1   all losses, every parameter that a loss reaches, between frozen towers; the best epoch by pixel AP
//   stage 2   cross entropy, the image-level modules alone; the best epoch by image AP
//
// Learning rates warm up and fall along a cosine in stages 0 and 1 (learning_rate_schedule.h).
// After each epoch the model is validated (validation.h), and the course (training_course.h) says what follows. Each
// step draws one pair of prompts and new samples of the distributions; every draw is keyed by the seed and the step
// (draws.h). The state is saved whole (training_state.h): a run that was killed at any moment and is started again with
// the same options, data and starting weights on the same machine ends with the same bits as one that was not.
#ifndef BAYESPFL_MODEL_TRAINING_TRAINER_H_
#define BAYESPFL_MODEL_TRAINING_TRAINER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/libtorch.h"
#include "model/network/model.h"
#include "model/training/labelled_data.h"
#include "model/training/loss_values.h"
#include "model/training/optimiser.h"
#include "model/training/training_course.h"
#include "model/training/training_state.h"
#include "model/training/training_task.h"
#include "model/training/validation.h"

namespace bayespfl {

struct TrainerOptions {
  uint64_t seed = 0;
  int64_t batch_size = 32;  // pictures of a step; the last step of an epoch has what is left
  CourseOptions course;
  ValidationOptions validation;
  std::string state_folder;  // made when missing; holds one run
  RunIdentity identity;      // what the data and the starting weights are: digests. A state of another one is refused
  int64_t save_steps = 0;    // also saves after every so many steps; 0: before and after each validation alone
  int kept_states = 2;       // how many of them stay, the newest ones; >= 1
};

// A step that was done.
struct StepReport {
  int64_t step = 0;   // over both stages, 1 for the first
  int64_t epoch = 0;  // likewise
  int64_t batch = 0;  // in the epoch, 1 for the first
  int64_t batches = 0;
  int64_t pictures = 0;  // of the step
  int stage = 1;
  double rate_factor = 0;  // of the learning rates
  LossValues loss;
};

// Hears of progress, on the trainer's thread, before it is saved: after a kill it may hear the same again, and misses
// nothing. OnResume() tells what was saved.
class TrainingObserver {
 public:
  virtual ~TrainingObserver() = default;

  virtual void OnResume(const TrainingState& /*state*/) {}
  virtual void OnStep(const StepReport& /*step*/) {}
  virtual void OnEpoch(const EpochRecord& /*epoch*/) {}
  // Asked after every step and within validations; when true the state is saved and the run ends unfinished.
  virtual bool ShouldStop() { return false; }
};

struct TrainingResult {
  bool finished = false;  // false: it was stopped, and goes on from its state when it is run again
  int stage = 1;          // which the weights are of
  TensorMap weights;      // the task's parameters, of the best epoch when finished; on the CPU
  std::vector<EpochRecord> history;
};

// Not thread-safe.
class Trainer {
 public:
  // Borrows the task, whose parameters it changes, and the data sets.
  Trainer(const TrainingTask& task, LabelledData& training, LabelledData& validation, TrainerOptions options);

  // To the end, or until the observer says stop. InvalidArgument: no picture to train with, or as Validate().
  // FailedPrecondition: the state folder is in use or of another run, or a loss is no number any more; the message says
  // in which step. ResourceExhausted: the disk or the device's memory is full. DataLoss: the state is damaged.
  // Internal: the device failed. Whatever the error, the last saved state stays, and the run can go on from it.
  absl::StatusOr<TrainingResult> Run(TrainingObserver& observer);

 private:
  absl::StatusOr<TrainingResult> RunToEnd(TrainingObserver& observer);
  absl::Status Resume(TrainingObserver& observer);
  // Both return false when the observer says stop.
  absl::StatusOr<bool> RunEpoch(TrainingObserver& observer);
  absl::StatusOr<bool> FinishEpoch(TrainingObserver& observer);
  absl::StatusOr<StepReport> Step(const LabelledBatch& batch);
  double RateFactor() const;  // of the step that comes next
  absl::Status Save();
  RunIdentity Identity() const;
  int64_t Batches() const;  // of an epoch

  const TrainingTask& task_;
  LabelledData& training_;
  LabelledData& validation_;
  const TrainerOptions options_;
  std::unique_ptr<TrainingStateFolder> folder_;
  TrainingState state_;  // its tensors only while it is saved or loaded, but for `best`
  Optimiser optimiser_;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_TRAINER_H_
