#include "server/telemetry/frame_outcome.h"

#include <array>

namespace bayespfl::server {

FrameOutcome FrameOutcomeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return FrameOutcome::kOk;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kPermissionDenied:
      return FrameOutcome::kInvalid;
    case absl::StatusCode::kResourceExhausted:
      return FrameOutcome::kRefused;
    case absl::StatusCode::kUnavailable:
      return FrameOutcome::kUnavailable;
    case absl::StatusCode::kDeadlineExceeded:
      return FrameOutcome::kExpired;
    case absl::StatusCode::kCancelled:
      return FrameOutcome::kCancelled;
    case absl::StatusCode::kAborted:
      return FrameOutcome::kSkipped;
    default:
      return FrameOutcome::kFailed;
  }
}

absl::string_view FrameOutcomeName(FrameOutcome outcome) {
  constexpr std::array<absl::string_view, kFrameOutcomes> kNames = {"ok",      "invalid",   "refused", "unavailable",
                                                                    "expired", "cancelled", "skipped", "failed"};
  return kNames.at(static_cast<size_t>(outcome));
}

}  // namespace bayespfl::server
