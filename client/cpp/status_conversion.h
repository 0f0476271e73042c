// Statuses of gRPC and of stream replies as absl::Status.
#ifndef BAYESPFL_CLIENT_CPP_STATUS_CONVERSION_H_
#define BAYESPFL_CLIENT_CPP_STATUS_CONVERSION_H_

#include <grpcpp/support/status.h>

#include "absl/status/status.h"
#include "google/rpc/status.pb.h"

namespace bayespfl::client {

// Same code and message; details become payloads under their type URLs. A code outside 0..16 becomes UNKNOWN; an
// "error" with code 0 becomes INTERNAL, since the sender said that the frame failed.
absl::Status FromWireError(const google::rpc::Status& error);

// OK stays OK; otherwise as above, with the details that the call carried.
absl::Status FromGrpcStatus(const grpc::Status& status);

}  // namespace bayespfl::client

#endif  // BAYESPFL_CLIENT_CPP_STATUS_CONVERSION_H_
