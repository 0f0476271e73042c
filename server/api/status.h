// From the pipeline's statuses to gRPC's and to the contract's FrameError.
#ifndef BAYESPFL_SERVER_API_STATUS_H_
#define BAYESPFL_SERVER_API_STATUS_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "bayespfl/inspection/v1/error.pb.h"
#include "google/protobuf/duration.pb.h"
#include "grpcpp/support/status.h"
#include "server/pipeline/error_reason.h"
#include "server/pipeline/pipeline.h"

namespace bayespfl::server {

// Longest error message that is sent. gRPC carries it in the trailers, which peers limit to 8 KiB.
inline constexpr size_t kMaxErrorMessageBytes = 1024;

// The text as it may go on the wire: escaped when it is not UTF-8, cut after kMaxErrorMessageBytes.
std::string WireMessage(absl::string_view message);

google::protobuf::Duration ToProto(absl::Duration duration);

// Code, reason, message, the field that is wrong, and when to try again. Requires !status.ok().
inspection::v1::FrameError ToProto(const absl::Status& status);

// The domain of every google.rpc.ErrorInfo that this server sends; its reason is the name of ErrorReason's value.
inline constexpr absl::string_view kErrorDomain = "inspection.bayespfl";

// Codes are the same numbers on both sides. The details, which gRPC's clients look for in the trailer
// grpc-status-details-bin, hold a google.rpc.ErrorInfo, BadRequest and RetryInfo where there is something to say, and
// the FrameError.
grpc::Status ToGrpcStatus(const absl::Status& status);

// How long a caller that was refused does best to wait: Pipeline::RetryDelay() within 10 ms to 5 s.
absl::Duration RetryDelay(const Pipeline& pipeline);

// A ResourceExhausted that will pass and says nothing of when gets RetryDelay(); others stay as they are.
absl::Status WithRetryDelay(absl::Status status, const Pipeline& pipeline);

// "RESOURCE_EXHAUSTED": a small fixed set, for metrics.
absl::string_view CodeName(grpc::StatusCode code);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_API_STATUS_H_
