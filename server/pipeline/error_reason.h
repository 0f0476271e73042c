// Why a frame or a call has no result, for programs: the contract's ErrorReason, without protobuf. What belongs to an
// error besides its code and message travels with the status, so that nobody has to read it out of the message.
#ifndef BAYESPFL_SERVER_PIPELINE_ERROR_REASON_H_
#define BAYESPFL_SERVER_PIPELINE_ERROR_REASON_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace bayespfl::server {

// Names and numbers as in error.proto, which says what each means.
enum class ErrorReason {
  kUnspecified = 0,
  kMalformedMessage = 1,
  kInvalidField = 2,
  kInvalidPicture = 3,
  kPictureTooLarge = 4,
  kStreamProtocol = 5,
  kModelNotFound = 6,
  kQueueFull = 7,
  kBytesFull = 8,
  kStreamsFull = 9,
  kRateLimited = 10,
  kFrameTooLarge = 11,
  kMessageTooLarge = 12,
  kNotReady = 13,
  kDraining = 14,
  kNoReplica = 15,
  kMaxStreamAge = 16,
  kDeadlineExceeded = 17,
  kCancelled = 18,
  kDeviceFailed = 19,
  kInternal = 20,
  kUnauthenticated = 21,
  kPermissionDenied = 22,
  kDeviceHung = 23,
};
inline constexpr int kErrorReasons = 24;

// "QUEUE_FULL".
absl::string_view ErrorReasonName(ErrorReason reason);

// The status with this reason instead of the one it has. Requires !status.ok().
absl::Status WithReason(absl::Status status, ErrorReason reason);

// The reason that a status was given; else what its Refusal (refusal.h) or its code says. kUnspecified for OK.
ErrorReason ReasonOf(const absl::Status& status);

// InvalidArgument with the message "FIELD WHAT", kInvalidField, and the field for FieldOf(): "options.samples" "is 0;
// expected 1 to 64".
absl::Status InvalidField(absl::string_view field, absl::string_view what);

// The field that a status is about; empty: none.
std::string FieldOf(const absl::Status& status);

// It is worth trying again after `delay` >= 0. Requires !status.ok().
absl::Status WithRetryDelay(absl::Status status, absl::Duration delay);
std::optional<absl::Duration> RetryDelayOf(const absl::Status& status);

// A status of another message, with all that belongs to `status`.
absl::Status WithMessage(const absl::Status& status, absl::string_view message);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_PIPELINE_ERROR_REASON_H_
