#include "server/pipeline/errors.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/pipeline/error_reason.h"

namespace bayespfl::server {

absl::string_view StageName(Stage stage) {
  switch (stage) {
    case Stage::kAdmission:
      return "admission";
    case Stage::kDecode:
      return "decode";
    case Stage::kExecute:
      return "execute";
    case Stage::kRender:
      return "render";
    case Stage::kReply:
      return "reply";
  }
  return "unknown";
}

absl::Status DeadlinePassed(SteadyTime arrival, Stage reached) {
  return absl::DeadlineExceededError(
      absl::StrFormat("the deadline passed (%.3f s after the frame's arrival); the frame had reached the stage %s",
                      SecondsSince(arrival), StageName(reached)));
}

absl::Status ClientLeft(Stage reached) {
  return absl::CancelledError(absl::StrCat("the client left; the frame had reached the stage ", StageName(reached)));
}

absl::Status ServerDraining() {
  return WithReason(absl::UnavailableError("the server is draining; use another replica"), ErrorReason::kDraining);
}

absl::Status FrameTooLarge(const ModelInfo& model, int samples, bool deviation, absl::string_view said) {
  return WithReason(
      absl::ResourceExhaustedError(absl::StrFormat(
          "the frame alone is too large for the memory of %s: %d samples, a map%s of %d x %d pixels; ask for fewer "
          "samples, or give the server a device with more memory (%s)",
          model.device, samples, deviation ? " and its deviation, each" : "", model.image_size, model.image_size,
          said)),
      ErrorReason::kFrameTooLarge);
}

absl::Status NoReplicaLeft(absl::string_view model) {
  return WithReason(absl::UnavailableError(
                        absl::StrCat("every replica of the model \"", model, "\" failed and could not be rebuilt")),
                    ErrorReason::kNoReplica);
}

absl::Status DeviceHung(absl::string_view model) {
  return WithReason(absl::UnavailableError(absl::StrCat("the device of the model \"", model,
                                                        "\" hangs: a batch has taken longer than max_batch_seconds; ",
                                                        "use another server")),
                    ErrorReason::kDeviceHung);
}

}  // namespace bayespfl::server
