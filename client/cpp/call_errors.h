// Statuses of gRPC and errors of frames as absl::Status; errors.h reads them.
#ifndef BAYESPFL_CLIENT_CPP_CALL_ERRORS_H_
#define BAYESPFL_CLIENT_CPP_CALL_ERRORS_H_

#include <grpcpp/support/status.h>

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "bayespfl/inspection/v1/error.pb.h"

namespace bayespfl::client {

// The error's code and message, and the error as payload. A code outside 0..16 becomes UNKNOWN; an "error" with code 0
// becomes INTERNAL, since the sender said that the frame failed.
absl::Status FromFrameError(const inspection::v1::FrameError& error);

// OK stays OK; otherwise the same code and message, and each detail that the call carried as a payload under its type
// URL. Without a FrameError among them, one is made from the code, where that tells the reason (see ErrorReasonOf). The
// details are a google.rpc.Status; damaged ones lose details, never code and message.
absl::Status FromGrpcStatus(const grpc::Status& status);

// Whether the error came from the server itself, as opposed to gRPC or this library.
bool FrameErrorIsTheServers(const absl::Status& status);

// The same with the number for AttemptsOf() (errors.h); OK stays OK.
absl::Status WithAttempts(absl::Status status, uint32_t attempts);

// The same with the id for RequestIdOf() (errors.h); OK stays OK.
absl::Status WithRequestId(absl::Status status, const std::string& request_id);

}  // namespace bayespfl::client

#endif  // BAYESPFL_CLIENT_CPP_CALL_ERRORS_H_
