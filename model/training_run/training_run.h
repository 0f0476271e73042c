// A training run as a whole: from the configuration to a package.
//
//   OUTPUT/state/        what the run goes on from (model/training/training_state.h)
//   OUTPUT/steps.csv     and the rest of run_log.h
//   OUTPUT/data.jsonl    the pictures that are learned from, with their digests
//   OUTPUT/model/        the trained package
//   OUTPUT/report.html   curves, epochs, pictures
//
//   auto run = TrainingRun::Open(config, observer);
//   auto plan = (*run)->Plan();  // or
//   auto outcome = (*run)->Run();
#ifndef BAYESPFL_MODEL_TRAINING_RUN_TRAINING_RUN_H_
#define BAYESPFL_MODEL_TRAINING_RUN_TRAINING_RUN_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include "absl/status/statusor.h"
#include "model/training_run/train_config.h"

namespace bayespfl {

// What a run would read, keep and cost.
struct TrainingPlan {
  int64_t training_pictures = 0;
  int64_t training_anomalous = 0;
  int64_t validation_pictures = 0;
  int64_t bad_pictures = 0;
  int64_t batches = 0;               // of an epoch
  int64_t cached_pictures = 0;       // whose features are kept, variants counted
  int64_t cache_bytes = 0;           // that they take in all
  double seconds_of_encoding = 0;    // of one picture by the frozen tower; measured here
  double seconds_of_step = 0;        // of a step after that; likewise
  double seconds_of_validation = 0;  // of one picture, its features given; likewise
  double first_epoch_seconds = 0;
  double later_epoch_seconds = 0;

  // For people, a line for each.
  [[nodiscard]] std::string Text() const;
};

struct TrainingRunObserver {
  std::ostream* text = nullptr;  // progress, and what people should know; not null
  bool terminal = false;         // `text` is one that can redraw a line
  std::function<bool()> should_stop = [] { return false; };
};

enum class TrainingOutcome { kFinished, kStopped };

// Not thread-safe.
class TrainingRun {
 public:
  virtual ~TrainingRun() = default;

  // Opens the package, finds and reads the pictures of both data sets, and makes sure that the cache has room.
  // InvalidArgument, NotFound, DataLoss: the package, or a data set; ResourceExhausted: the disk's room would not
  // suffice; FailedPrecondition: the device cannot be used.
  static absl::StatusOr<std::unique_ptr<TrainingRun>> Open(const TrainConfig& config,
                                                           const TrainingRunObserver& observer);

  // Measures a picture and a step; writes nothing but a cache's folder. Errors as Run().
  virtual absl::StatusOr<TrainingPlan> Plan() = 0;

  // Trains, or goes on where the run in the output folder stopped, then writes package and report. An output that is
  // finished already is written again. Errors of Trainer::Run(), WriteTrainedPackage() and of the files.
  virtual absl::StatusOr<TrainingOutcome> Run() = 0;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_RUN_TRAINING_RUN_H_
