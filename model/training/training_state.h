// What a training run is made of at one moment, and how it lies on the disk.
//
//   FOLDER/lock                   held by the run that writes here
//   FOLDER/step-000000000123/     the state after so many steps; appears whole or not at all
//     state.json                  numbers, history and the SHA-256 of the files beside it
//     weights.safetensors         the parameters
//     optimiser.safetensors            the optimiser's moments
//     best.safetensors            the copy of the best epoch; missing before the first
//   FOLDER/step-000000000123.validated/  the same where an epoch ended with that step and was validated since
#ifndef BAYESPFL_MODEL_TRAINING_TRAINING_STATE_H_
#define BAYESPFL_MODEL_TRAINING_TRAINING_STATE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/network/weights.h"
#include "model/training/epoch_record.h"
#include "model/training/training_course.h"

namespace bayespfl {

// What a run is about (data, start, options), fact by fact: a state goes on under the same facts alone.
using RunIdentity = std::map<std::string, std::string>;

struct TrainingState {
  int64_t step = 0;   // that are done, over both stages
  int64_t batch = 0;  // that are done in the epoch under way
  TrainingCourse course = {};
  LossValues loss_sum = {};  // over the batches of the epoch under way
  std::vector<EpochRecord> history = {};
  TensorMap weights = {};
  TensorMap optimiser = {};
  TensorMap best = {};  // empty before the first epoch's end
};

// Not thread-safe; one process at a time.
class TrainingStateFolder {
 public:
  // Makes the folder where it is missing, takes its lock, and removes what an interrupted write left behind. `keep` >=
  // 1: how many states stay, the newest ones. FailedPrecondition: another process has the lock. Else the code of the
  // errno.
  static absl::StatusOr<std::unique_ptr<TrainingStateFolder>> Open(const std::string& folder, RunIdentity identity,
                                                                   int keep);
  ~TrainingStateFolder();
  TrainingStateFolder(const TrainingStateFolder&) = delete;
  TrainingStateFolder& operator=(const TrainingStateFolder&) = delete;

  // Replaces a state of the same name. When it fails the states before it are as they were. ResourceExhausted: the disk
  // is full.
  absl::Status Save(const TrainingState& state);

  // The newest one, with tensors on the CPU; nullopt: there is none. FailedPrecondition: it is of another run; the
  // message names what differs. DataLoss: it is damaged; the message names the file, and the state before it if there
  // is one, from which whoever removes the damaged one's folder goes on.
  absl::StatusOr<std::optional<TrainingState>> Load() const;

 private:
  TrainingStateFolder(std::string folder, RunIdentity identity, int keep, int lock)
      : folder_(std::move(folder)), identity_(std::move(identity)), keep_(keep), lock_(lock) {}
  absl::Status RemoveOld() const;
  absl::StatusOr<TrainingState> LoadFrom(const std::string& state) const;

  const std::string folder_;
  const RunIdentity identity_;
  const int keep_;
  const int lock_;  // descriptor
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_TRAINING_STATE_H_
