// The errors that several parts of the pipeline give, so that one cause reads the same wherever it meets a frame.
#ifndef BAYESPFL_SERVER_PIPELINE_ERRORS_H_
#define BAYESPFL_SERVER_PIPELINE_ERRORS_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "model/detection/detection.h"
#include "server/pipeline/steady_time.h"

namespace bayespfl::server {

// The stages a frame passes, as error messages name them.
enum class Stage { kAdmission, kDecode, kExecute, kRender, kReply };
absl::string_view StageName(Stage stage);

// DeadlineExceeded: the frame came at `arrival` and got as far as `reached`.
absl::Status DeadlinePassed(SteadyTime arrival, Stage reached);

// Cancelled: nobody waits for the answer any more.
absl::Status ClientLeft(Stage reached);

// Unavailable: no frame is accepted any more.
absl::Status ServerDraining();

// ResourceExhausted without a retry delay: a frame of that many samples is alone too large for the memory of the
// model's device. `said` is the device's own word.
absl::Status FrameTooLarge(const ModelInfo& model, int samples, bool deviation, absl::string_view said);

// Unavailable: every replica of the model of that name is lost; another server may have one.
absl::Status NoReplicaLeft(absl::string_view model);

// Unavailable: the device of every replica of that model which is left hangs; another server may do better.
absl::Status DeviceHung(absl::string_view model);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_PIPELINE_ERRORS_H_
