// How a frame ended and whose fault it was: what the metrics count it as and how loud the log is about it.
#ifndef BAYESPFL_SERVER_TELEMETRY_FRAME_OUTCOME_H_
#define BAYESPFL_SERVER_TELEMETRY_FRAME_OUTCOME_H_

#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace bayespfl::server {

enum class FrameOutcome {
  kOk,
  kInvalid,      // the client's mistake: INVALID_ARGUMENT, NOT_FOUND for a model that is not there, PERMISSION_DENIED
  kRefused,      // RESOURCE_EXHAUSTED
  kUnavailable,  // UNAVAILABLE
  kExpired,      // DEADLINE_EXCEEDED
  kCancelled,    // its client left
  kSkipped,      // IsSkipped(), for a newer one
  kFailed,       // the server's fault: INTERNAL and whatever else
};
inline constexpr size_t kFrameOutcomes = 8;

FrameOutcome FrameOutcomeOf(const absl::Status& status);

// "invalid": for metrics.
absl::string_view FrameOutcomeName(FrameOutcome outcome);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_TELEMETRY_FRAME_OUTCOME_H_
