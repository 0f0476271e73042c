// From the pipeline's statuses to gRPC's and to google.rpc.Status.
#ifndef BAYESPFL_SERVER_API_STATUS_H_
#define BAYESPFL_SERVER_API_STATUS_H_

#include <cstddef>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/support/status.h"
#include "server/pipeline/pipeline.h"

namespace bayespfl::server {

// Longest error message that is sent. gRPC carries it in the trailers, which peers limit to 8 KiB.
inline constexpr size_t kMaxErrorMessageBytes = 1024;

// The text as it may go on the wire: escaped when it is not UTF-8, cut after kMaxErrorMessageBytes.
std::string WireMessage(absl::string_view message);

// Codes are the same numbers on both sides. Payloads become the serialized google.rpc.Status that gRPC's clients look
// for in the trailer grpc-status-details-bin.
grpc::Status ToGrpcStatus(const absl::Status& status);

// Code, message, and one Any per payload, but for kRefusalPayload, which is not the client's business; a refusal by a
// server that drains gets an ErrorInfo with the reason DRAINING, so that a client knows that it was not taken.
google::rpc::Status ToProto(const absl::Status& status);

// The domain of every google.rpc.ErrorInfo that this server sends.
inline constexpr absl::string_view kErrorDomain = "inspection.bayespfl";

// The reason of what was turned away, and of streams that were ended, because the server stops.
inline constexpr absl::string_view kDrainingReason = "DRAINING";

// Adds a google.rpc.RetryInfo: it is worth trying again after `delay`.
absl::Status WithRetryInfo(absl::Status status, absl::Duration delay);
// The delay of a status that has one.
std::optional<absl::Duration> RetryDelayOf(const absl::Status& status);

// How long a caller that was refused does best to wait: Pipeline::RetryDelay() within 10 ms to 5 s.
absl::Duration RetryDelay(const Pipeline& pipeline);

// A ResourceExhausted that says nothing of when to try again gets RetryDelay(); others stay as they are.
absl::Status WithRetryDelay(absl::Status status, const Pipeline& pipeline);

// Adds a google.rpc.ErrorInfo of kErrorDomain; `reason` is UPPER_SNAKE_CASE.
absl::Status WithErrorInfo(absl::Status status, absl::string_view reason);

// "INVALID_ARGUMENT"; "UNKNOWN" for what is no gRPC code.
absl::string_view CodeName(grpc::StatusCode code);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_API_STATUS_H_
