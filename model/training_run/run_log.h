// What a run leaves while it goes on: a line for people after each epoch, tables, and curves for TensorBoard.
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
  explicit RunLog(RunLogOptions options) : options_(std::move(options)) {}

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
  void SayEpoch(const EpochRecord& epoch, absl::Time now);

  const RunLogOptions options_;
  absl::Status status_;
  std::unique_ptr<StepTable> steps_;
  std::unique_ptr<EventFile> events_;
  std::vector<EpochRecord> epochs_;
  std::optional<Progress> progress_;               // of the epoch under way
  absl::Time last_ = absl::InfinitePast();         // when the last step or validation ended
  absl::Time epoch_began_ = absl::InfinitePast();  // with the first step of it that was done here
  int64_t last_step_ = 0;
  int64_t pictures_ = 0;  // of the epoch, done here
};

// The table of epochs as CSV.
std::string EpochsCsv(const std::vector<EpochRecord>& epochs);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_RUN_RUN_LOG_H_
