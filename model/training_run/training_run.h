// A training run as a whole: from the configuration to a package.
//
//   OUTPUT/state/        what the run goes on from (model/training/training_state.h)
//   OUTPUT/steps.csv     and the rest of run_log.h
//   OUTPUT/model/        the trained package, with the lists of its data
//   OUTPUT/report.html   curves, epochs, pictures
//
//   auto run = TrainingRun::Open(config, observer);
//   auto plan = (*run)->Plan();  // or
//   auto outcome = (*run)->Run();
#ifndef BAYESPFL_MODEL_TRAINING_RUN_TRAINING_RUN_H_
#define BAYESPFL_MODEL_TRAINING_RUN_TRAINING_RUN_H_

#include <functional>
#include <memory>
#include <ostream>

#include "absl/status/statusor.h"
#include "model/training_run/train_config.h"
#include "model/training_run/training_plan.h"

namespace bayespfl {

struct TrainingRunObserver {
  std::ostream* text = nullptr;  // progress, and what people should know; not null
  bool terminal = false;         // `text` is one that can redraw a line
  std::function<bool()> should_stop = [] { return false; };
};

enum class TrainingOutcome { kFinished, kStopped };

struct RunParts;

// Not thread-safe.
class TrainingRun final {
 public:
  // Opens the package, finds and reads the pictures of both data sets. InvalidArgument, NotFound, DataLoss: the
  // package, or a data set, or a category to validate with that has no defect; ResourceExhausted: memory does not
  // suffice; FailedPrecondition: the device cannot be used.
  static absl::StatusOr<std::unique_ptr<TrainingRun>> Open(const TrainConfig& config,
                                                           const TrainingRunObserver& observer);
  ~TrainingRun();
  TrainingRun(const TrainingRun&) = delete;
  TrainingRun& operator=(const TrainingRun&) = delete;

  // Measures a picture and a step; trains and writes nothing. Errors as Run().
  absl::StatusOr<TrainingPlan> Plan() const;
  // Whether the disk has room for the cache. ResourceExhausted, with what is needed and what there is.
  absl::Status RequireRoom() const;

  // Trains, or goes on where the run in the output folder stopped, then writes package and report, each where it is not
  // there yet. Errors of RequireRoom(), Trainer::Run(), WriteTrainedPackage() and of the files.
  absl::StatusOr<TrainingOutcome> Run();

 private:
  TrainingRun(std::unique_ptr<RunParts> parts, TrainingRunObserver observer);

  const std::unique_ptr<RunParts> parts_;
  const TrainingRunObserver observer_;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_RUN_TRAINING_RUN_H_
