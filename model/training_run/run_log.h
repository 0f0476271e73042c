// What a run leaves while it goes on: a line for people after each epoch (and each minute, or a bar on a terminal),
// tables, and curves for TensorBoard.
//
//   OUTPUT/steps.csv       a row for each step: its losses
//   OUTPUT/epochs.csv      a row for each epoch: mean losses, validation, whether it was the best
//   OUTPUT/events.out...   the same as curves
#ifndef BAYESPFL_MODEL_TRAINING_RUN_RUN_LOG_H_
#define BAYESPFL_MODEL_TRAINING_RUN_RUN_LOG_H_

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/progress.h"
#include "model/training/trainer.h"
#include "model/training_log/event_file.h"
#include "model/training_log/step_table.h"

namespace bayespfl {

struct RunLogOptions {
  std::filesystem::path folder = {};  // must be there
  int64_t epochs = 0;                 // that there may be, for the time left
  std::ostream* text = nullptr;       // for people
  bool terminal = false;              // `text` is one that can redraw a line
  std::function<bool()> should_stop = [] { return false; };
  std::function<absl::Time()> now = absl::Now;
};

// A run whose tables cannot be written stops, with its state saved; status() says why. Not thread-safe.
class RunLog final : public TrainingObserver {
 public:
  // The first epoch's time counts from here.
  explicit RunLog(RunLogOptions options);

  void OnResume(const TrainingState& state) override;
  void OnStep(const StepReport& step) override;
  void OnEpoch(const EpochRecord& epoch) override;
  bool ShouldStop() override { return !status_.ok() || options_.should_stop(); }

  // The first error of a file.
  const absl::Status& status() const { return status_; }

 private:
  void Open(int64_t last_step);
  void Keep(const absl::Status& status);
  void WriteEpochs();
  void SayStep(const StepReport& step, absl::Time now);
  void SayEpoch(const EpochRecord& epoch, absl::Time now);

  const RunLogOptions options_;
  absl::Status status_;
  std::unique_ptr<StepTable> steps_;
  std::unique_ptr<EventFile> events_;
  std::vector<EpochRecord> epochs_;
  std::optional<Progress> progress_;  // of the epoch under way
  absl::Time epoch_began_;            // or was gone on with, here
  absl::Time last_;                   // when the last step or validation ended
  absl::Time last_said_;              // when there was a line for people
  int64_t last_step_ = 0;
  int64_t batches_ = 0;  // of an epoch
  // Of the epoch, done here.
  int64_t steps_done_ = 0;
  int64_t pictures_done_ = 0;
};

// The table of epochs as CSV.
std::string EpochsCsv(const std::vector<EpochRecord>& epochs);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_RUN_RUN_LOG_H_
