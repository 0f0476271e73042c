#include "client/cpp/inspection_client.h"

#include <algorithm>
#include <utility>

#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/support/channel_arguments.h>

#include "absl/memory/memory.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/loopback_host.h"
#include "client/cpp/status_conversion.h"
#include "client/cpp/stream_call.h"

namespace bayespfl::client {
namespace {

using inspection::v1::GetModelInfoRequest;
using inspection::v1::GetModelInfoResponse;
using inspection::v1::InspectionService;
using inspection::v1::InspectOptions;
using inspection::v1::InspectRequest;
using inspection::v1::InspectResponse;

constexpr int kSmallestMessageLimit = 1 << 20;

bool HasScheme(absl::string_view target) {
  return absl::StrContains(target, "://") || absl::StartsWith(target, "unix:");
}

bool IsLoopback(absl::string_view target) { return IsLoopbackHost(std::string(target.substr(0, target.rfind(':')))); }

// Of this machine, so that nobody else can listen.
bool IsLocal(absl::string_view target) { return IsLoopback(target) || absl::StartsWith(target, "unix:"); }

absl::Status CheckToken(const ClientOptions& options) {
  constexpr absl::string_view kPunctuation = "-._~+/=";  // RFC 6750, section 2.1
  for (const char c : options.token) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c)) || absl::StrContains(kPunctuation, c)) continue;
    return absl::InvalidArgumentError("the token holds a character that no token may have");
  }
  if (options.token.empty() || options.credentials != nullptr || options.allow_plaintext_token ||
      IsLocal(options.target)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("the token would go to ", options.target, " in plain text; use TLS, or allow it explicitly"));
}

// How long a first connection may take, and how soon it is tried again.
constexpr absl::Duration kConnectPatience = absl::Seconds(1);
constexpr int kReconnectMilliseconds = 100;

// Runs one unary call of a stub until the deadline.
template <typename Response, typename Call>
absl::StatusOr<Response> Unary(const std::string& token, absl::Time deadline, const Call& call) {
  grpc::ClientContext context;
  if (deadline != absl::InfiniteFuture()) context.set_deadline(absl::ToChronoTime(deadline));
  AddToken(token, context);
  Response response;
  const absl::Status status = FromGrpcStatus(call(&context, &response));
  if (!status.ok()) return status;
  return response;
}

}  // namespace

absl::Status CheckTarget(absl::string_view target) {
  if (HasScheme(target)) return absl::OkStatus();
  const size_t colon = target.rfind(':');
  const absl::string_view host = target.substr(0, colon);
  const bool bracketed = absl::StartsWith(host, "[") && absl::EndsWith(host, "]");
  int port = 0;
  if (colon == absl::string_view::npos || host.empty() || (absl::StrContains(host, ':') && !bracketed) ||
      !absl::SimpleAtoi(target.substr(colon + 1), &port) || port < 1 || port > 65535) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", target, "\" is no server address: it must be HOST:PORT with a port of 1..65535"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<InspectionClient>> InspectionClient::Create(const ClientOptions& options) {
  const absl::Status target = CheckTarget(options.target);
  if (!target.ok()) return target;
  if (options.timeout <= absl::ZeroDuration()) return absl::InvalidArgumentError("timeout must be positive");
  if (options.max_message_bytes < kSmallestMessageLimit) {
    return absl::InvalidArgumentError(absl::StrCat("max_message_bytes is ", options.max_message_bytes,
                                                   ", it must be at least ", kSmallestMessageLimit));
  }
  const absl::Status token = CheckToken(options);
  if (!token.ok()) return token;
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(options.max_message_bytes);
  arguments.SetMaxSendMessageSize(options.max_message_bytes);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kReconnectMilliseconds);
  // A proxy from the environment cannot know this machine's own addresses.
  if (IsLoopback(options.target)) arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  const auto credentials = options.credentials ? options.credentials : grpc::InsecureChannelCredentials();
  return absl::WrapUnique(
      new InspectionClient(options, grpc::CreateCustomChannel(options.target, credentials, arguments)));
}

InspectionClient::InspectionClient(ClientOptions options, std::shared_ptr<grpc::Channel> channel)
    : options_(std::move(options)),
      channel_(std::move(channel)),
      inspection_(InspectionService::NewStub(channel_)),
      health_(grpc::health::v1::Health::NewStub(channel_)) {}

// Returns when there is a connection, or else after kConnectPatience: the call, which has half of the time at least,
// then says why. On a busy machine gRPC 1.51 takes now and then a connection that is under way for a failed one, and
// would fail the first call.
void InspectionClient::AwaitConnection(absl::Time deadline) const {
  const absl::Time now = absl::Now();
  channel_->WaitForConnected(absl::ToChronoTime(now + std::min(kConnectPatience, (deadline - now) / 2)));
}

absl::StatusOr<InspectResponse> InspectionClient::Inspect(const InspectRequest& request) const {
  const absl::Time deadline = absl::Now() + options_.timeout;
  AwaitConnection(deadline);
  return Unary<InspectResponse>(options_.token, deadline, [&](grpc::ClientContext* context, InspectResponse* response) {
    return inspection_->Inspect(context, request, response);
  });
}

absl::StatusOr<GetModelInfoResponse> InspectionClient::GetModelInfo(const std::string& model) const {
  GetModelInfoRequest request;
  request.set_model(model);
  const absl::Time deadline = absl::Now() + options_.timeout;
  AwaitConnection(deadline);
  return Unary<GetModelInfoResponse>(options_.token, deadline,
                                     [&](grpc::ClientContext* context, GetModelInfoResponse* response) {
                                       return inspection_->GetModelInfo(context, request, response);
                                     });
}

absl::StatusOr<grpc::health::v1::HealthCheckResponse::ServingStatus> InspectionClient::Health(
    absl::string_view service) const {
  grpc::health::v1::HealthCheckRequest request;
  request.set_service(std::string(service));
  const absl::Time deadline = absl::Now() + options_.timeout;
  AwaitConnection(deadline);
  const auto response = Unary<grpc::health::v1::HealthCheckResponse>(
      options_.token, deadline, [&](grpc::ClientContext* context, grpc::health::v1::HealthCheckResponse* answer) {
        return health_->Check(context, request, answer);
      });
  if (!response.ok()) return response.status();
  return response->status();
}

absl::Status InspectionClient::InspectStream(const InspectOptions& inspect_options, const StreamOptions& options,
                                             const FrameSource& source, const ReplySink& sink) const {
  if (options.max_in_flight < 1) return absl::InvalidArgumentError("max_in_flight must be at least 1");
  if (options.stall_timeout <= absl::ZeroDuration())
    return absl::InvalidArgumentError("stall_timeout must be positive");
  AwaitConnection(absl::Now() + options.stall_timeout);
  StreamCall call(options, options_.token);
  call.Start(*inspection_, inspect_options);
  bool more = true;  // the source may have another frame
  for (;;) {
    StreamCall::Event event = call.Wait(more);
    switch (event.kind) {
      case StreamCall::Event::Kind::kReply:
        if (event.reply.has_value()) sink(std::move(*event.reply));
        break;
      case StreamCall::Event::Kind::kRoom:
        if (std::optional<OutgoingFrame> frame = source(); frame.has_value()) {
          call.Send(*std::move(frame));
        } else {
          more = false;
          call.SendDone();
        }
        break;
      case StreamCall::Event::Kind::kStalled:
        return call.Finish(absl::DeadlineExceededError(
            absl::StrCat("the server sent no reply for ", absl::FormatDuration(options.stall_timeout))));
      case StreamCall::Event::Kind::kEnded: {
        const absl::Status status = call.Finish(absl::OkStatus());
        if (!status.ok() || !more) return status;
        return absl::InternalError("the server ended the stream before the last frame was sent");
      }
    }
  }
}

}  // namespace bayespfl::client
