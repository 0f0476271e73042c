// What the clients of this library share: the connection to a server, and unary calls over it.
#ifndef BAYESPFL_CLIENT_CPP_SERVER_CHANNEL_H_
#define BAYESPFL_CLIENT_CPP_SERVER_CHANNEL_H_

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "bayespfl/client/client_options.h"
#include "client/cpp/call_errors.h"
#include "client/cpp/retry.h"

namespace bayespfl::client {

// What a call sends besides its message: the token, unless it is empty, and an id that stands in the server's log too.
class CallMetadata {
 public:
  CallMetadata(const std::string& token, grpc::ClientContext& context);

  const std::string& request_id() const { return request_id_; }

 private:
  std::string request_id_;
};

// Whether calls go only to servers that say of themselves that they serve, by grpc.health.v1.
enum class Health { kChecked, kIgnored };

// Thread-safe.
class ServerChannel final {
 public:
  // Does not connect yet. INVALID_ARGUMENT as InspectionClient::Create.
  static absl::StatusOr<std::unique_ptr<ServerChannel>> Create(const ClientOptions& options, Health health);

  // One attempt of a unary call, `grpc::Status call(grpc::ClientContext*, Response*)`.
  template <typename Response, typename Call>
  absl::StatusOr<Response> Once(absl::Time deadline, const Call& call) {
    grpc::ClientContext context;
    const CallMetadata metadata(options_.token, context);
    if (deadline != absl::InfiniteFuture()) context.set_deadline(absl::ToChronoTime(deadline));
    Response response;
    const absl::Status status = WithRequestId(FromGrpcStatus(call(&context, &response)), metadata.request_id());
    if (status.ok() || FrameErrorIsTheServers(status)) NoteReached();
    if (!status.ok()) return status;
    return response;
  }

  // The same within the options' timeout, again while connections break: for calls that ask the server something. What
  // it says itself is the answer, also that it is not ready.
  template <typename Response, typename Call>
  absl::StatusOr<Response> Unary(const Call& call) {
    absl::StatusOr<Response> response;
    const absl::Status status = Repeat(
        [&](absl::Time deadline, uint32_t /*attempt*/) {
          response = Once<Response>(deadline, call);
          return response.status();
        },
        IsConnectionLost);
    if (!status.ok()) return status;
    return response;
  }

  // Calls `once`, which is told how often it was called before, until it succeeds, fails in a way that is final
  // (docs/clients.md, and those that `may_pass` does not hold for), or the time is up.
  absl::Status Repeat(absl::FunctionRef<absl::Status(absl::Time deadline, uint32_t attempt)> once,
                      absl::FunctionRef<bool(const absl::Status&)> may_pass);

  // Until when a call that began at `start` and has until `deadline` may be tried again: not long before a server was
  // reached for the first time.
  absl::Time PatienceOf(absl::Time start, absl::Time deadline) const;

  // Before the first server was reached: returns when there is a connection, or else after a moment, at most half of
  // the time: the call then says why. On a busy machine gRPC 1.51 takes now and then a connection that is under way for
  // a failed one, and would fail the first call.
  void AwaitConnection(absl::Time deadline) const;

  // Waits so long, and lets gRPC work on its connections meanwhile: gRPC 1.51 does so only while somebody waits for it,
  // and else every 5 s, when a handshake's time may have passed already.
  void Pause(absl::Duration time) const;

  // A server has answered.
  void NoteReached() { reached_ = true; }

  // Of a message that is larger than this client, or the server, takes: both limits in its message, of which the
  // server's is asked for. `said` begins the message.
  absl::Status MessageTooLarge(absl::string_view said, absl::Time deadline);
  // The server's limit, 0: not known yet.
  uint64_t server_message_limit() const { return server_message_limit_; }
  // Asks for it, once. OK: it is known, or the server does not tell.
  absl::Status LearnLimits(absl::Time deadline);

  const ClientOptions& options() const { return options_; }
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  // To the same servers, whether or not they call themselves healthy.
  std::shared_ptr<grpc::Channel> UncheckedChannel() const;

 private:
  ServerChannel(ClientOptions options, Health health);

  const ClientOptions options_;
  const std::shared_ptr<grpc::Channel> channel_;
  std::atomic<bool> reached_ = false;
  std::atomic<bool> limits_asked_ = false;
  std::atomic<uint64_t> server_message_limit_ = 0;
};

}  // namespace bayespfl::client

#endif  // BAYESPFL_CLIENT_CPP_SERVER_CHANNEL_H_
