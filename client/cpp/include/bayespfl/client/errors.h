// Why a call, or a frame of a stream, has no result: what a status of this library says besides its code and message.
//
//   absl::StatusOr<inspection::v1::InspectResponse> response = client->Inspect(request);
//   if (ErrorReasonOf(response.status()) == inspection::v1::ERROR_REASON_QUEUE_FULL) {
//     SleepFor(RetryDelayOf(response.status()).value_or(absl::Seconds(1)));  // and send it again
//   }
//
// A status of the server or of gRPC carries the contract's FrameError as its payload under kFrameErrorUrl, from a
// frame's error and from a call's status details alike. A status that this library made itself (options out of range, a
// stalled stream) carries none. Further details of a call are payloads under their own type URLs. Thread-safe, all of
// it.
#ifndef BAYESPFL_CLIENT_ERRORS_H_
#define BAYESPFL_CLIENT_ERRORS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "bayespfl/inspection/v1/error.pb.h"

namespace bayespfl::client {

inline constexpr absl::string_view kFrameErrorUrl = "type.googleapis.com/bayespfl.inspection.v1.FrameError";
inline constexpr absl::string_view kRequestIdUrl = "bayespfl.client/request_id";
inline constexpr absl::string_view kAttemptsUrl = "bayespfl.client/attempts";

// All of it in one message. Code and message are always the status's; without a payload, that is all there is.
inspection::v1::FrameError FrameErrorOf(const absl::Status& status);

// The cause, for programs. Where the server could not tell it, because gRPC answered in its place, the code does:
// RESOURCE_EXHAUSTED is MESSAGE_TOO_LARGE; UNAUTHENTICATED, PERMISSION_DENIED, DEADLINE_EXCEEDED and CANCELLED are
// their own. UNSPECIFIED: none is known, e.g. nobody answered. A reason of a newer contract keeps its number.
inspection::v1::ErrorReason ErrorReasonOf(const absl::Status& status);

// "QUEUE_FULL": the reason's name without its prefix; of one that is not known here, its number; empty for UNSPECIFIED.
std::string ErrorReasonName(inspection::v1::ErrorReason reason);

// Wait at least this long, >= 0, before sending it again. Absent: waiting alone does not help.
std::optional<absl::Duration> RetryDelayOf(const absl::Status& status);

// The `x-request-id` of the call, which stands in the server's log too; empty for a status that this library made
// before there was a call.
std::string RequestIdOf(const absl::Status& status);

// How often the picture of a unary call was sent; 0: it never left, e.g. because it is too large. Frames of a stream
// have it in their StreamReply.
uint32_t AttemptsOf(const absl::Status& status);

// The fields that have values that they cannot have; with the reason INVALID_FIELD.
std::vector<inspection::v1::FieldViolation> ViolationsOf(const absl::Status& status);

}  // namespace bayespfl::client

#endif  // BAYESPFL_CLIENT_ERRORS_H_
