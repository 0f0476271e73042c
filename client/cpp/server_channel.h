// What the clients of this library share: the connection to a server, and one unary call over it.
#ifndef BAYESPFL_CLIENT_CPP_SERVER_CHANNEL_H_
#define BAYESPFL_CLIENT_CPP_SERVER_CHANNEL_H_

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client/cpp/call_errors.h"
#include "client/cpp/client_options.h"

namespace bayespfl::client {

// Adds the header of a bearer token, unless it is empty.
void AddToken(const std::string& token, grpc::ClientContext& context);

// Thread-safe.
class ServerChannel final {
 public:
  // Does not connect yet. INVALID_ARGUMENT as InspectionClient::Create.
  static absl::StatusOr<ServerChannel> Create(const ClientOptions& options);

  // Returns when there is a connection, or else after a moment, at most half of the time: the call then says why. On a
  // busy machine gRPC 1.51 takes now and then a connection that is under way for a failed one, and would fail the first
  // call.
  void AwaitConnection(absl::Time deadline) const;

  // Runs one unary call, `grpc::Status call(grpc::ClientContext*, Response*)`, within the options' timeout.
  template <typename Response, typename Call>
  absl::StatusOr<Response> Unary(const Call& call) const {
    const absl::Time deadline = absl::Now() + options_.timeout;
    AwaitConnection(deadline);
    grpc::ClientContext context;
    if (deadline != absl::InfiniteFuture()) context.set_deadline(absl::ToChronoTime(deadline));
    AddToken(options_.token, context);
    Response response;
    const absl::Status status = FromGrpcStatus(call(&context, &response));
    if (!status.ok()) return status;
    return response;
  }

  const ClientOptions& options() const { return options_; }
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }

 private:
  ServerChannel(ClientOptions options, std::shared_ptr<grpc::Channel> channel)
      : options_(std::move(options)), channel_(std::move(channel)) {}

  ClientOptions options_;
  std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace bayespfl::client

#endif  // BAYESPFL_CLIENT_CPP_SERVER_CHANNEL_H_
