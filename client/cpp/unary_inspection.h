// One picture over a unary call, as often as it takes.
#ifndef BAYESPFL_CLIENT_CPP_UNARY_INSPECTION_H_
#define BAYESPFL_CLIENT_CPP_UNARY_INSPECTION_H_

#include <grpcpp/alarm.h>
#include <grpcpp/client_context.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "bayespfl/client/inspection_client.h"
#include "bayespfl/inspection/v1/inspection.grpc.pb.h"
#include "client/cpp/retry.h"
#include "client/cpp/server_channel.h"

namespace bayespfl::client {

// The request through its attempts. Not thread-safe.
class UnaryInspection final {
 public:
  // `channel` outlives it.
  UnaryInspection(ServerChannel& channel, inspection::v1::InspectRequest request);

  // Not OK: the message is larger than the client, or the server as far as it is known, takes.
  absl::Status Fits(absl::Time deadline) const;

  // The request as its attempt, from 0.
  const inspection::v1::InspectRequest& ForAttempt(uint32_t attempt);

  // What came back, as the caller is to see it: a reply to another frame or of another picture is an error like a
  // broken connection, and one that is too large names the limits.
  absl::Status Judge(absl::Status status, const inspection::v1::InspectResponse& response, absl::Time deadline) const;

  // One whole attempt.
  absl::Status Once(inspection::v1::InspectionService::Stub& stub, absl::Time deadline, uint32_t attempt,
                    inspection::v1::InspectResponse& response);

 private:
  ServerChannel& channel_;
  inspection::v1::InspectRequest request_;
  const uint32_t first_attempt_;
  const std::string picture_sha256_;
};

// The same in callbacks. It keeps itself alive until the last.
class AsyncInspection final : public std::enable_shared_from_this<AsyncInspection> {
 public:
  // `channel` and `stub` outlive the call of `done`.
  static void Start(ServerChannel& channel, inspection::v1::InspectionService::Stub& stub,
                    inspection::v1::InspectRequest request, InspectionClient::InspectCallback done);

 private:
  AsyncInspection(ServerChannel& channel, inspection::v1::InspectionService::Stub& stub,
                  inspection::v1::InspectRequest request, InspectionClient::InspectCallback done);

  void Try();
  void Ended(const grpc::Status& status);
  void Done(absl::StatusOr<inspection::v1::InspectResponse> answer);

  ServerChannel& channel_;
  inspection::v1::InspectionService::Stub& stub_;
  const InspectionClient::InspectCallback done_;
  UnaryInspection inspection_;
  const absl::Time start_;
  const absl::Time deadline_;
  Retry retry_;
  uint32_t attempt_ = 0;
  absl::Status lost_;                           // how the attempt before lost its connection; OK: it did not
  std::optional<grpc::ClientContext> context_;  // of the attempt
  std::string request_id_;
  inspection::v1::InspectResponse response_;
  std::unique_ptr<grpc::Alarm> alarm_;
};

}  // namespace bayespfl::client

#endif  // BAYESPFL_CLIENT_CPP_UNARY_INSPECTION_H_
