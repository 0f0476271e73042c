#include "client/cpp/server_channel.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/support/channel_arguments.h>

#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/loopback_host.h"
#include "bayespfl/inspection/v1/inspection.grpc.pb.h"
#include "client/cpp/random_id.h"

namespace bayespfl::client {
namespace {

using inspection::v1::FrameError;
using inspection::v1::GetServerInfoResponse;
using inspection::v1::InspectionService;

constexpr int kSmallestMessageLimit = 1 << 20;
constexpr absl::Duration kShortestKeepalive = absl::Milliseconds(10);

// How long a first connection may take, and how soon it is tried again.
constexpr absl::Duration kConnectPatience = absl::Seconds(1);
constexpr int kReconnectMilliseconds = 100;

// Shared by all tries to connect: short at first, and never long, so that a server that is back is soon found.
constexpr int kLongestReconnectMilliseconds = 5'000;

// Round robin over the healthy servers of a name (https://github.com/grpc/grpc/blob/master/doc/service_config.md,
// doc/health-checking.md).
constexpr char kServiceConfig[] = R"({"loadBalancingConfig":[{"round_robin":{}}],)"
                                  R"("healthCheckConfig":{"serviceName":"bayespfl.inspection.v1.InspectionService"}})";

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

absl::Status Check(const ClientOptions& options) {
  if (absl::Status target = CheckTarget(options.target); !target.ok()) return target;
  if (options.timeout <= absl::ZeroDuration()) return absl::InvalidArgumentError("timeout must be positive");
  if (options.connect_timeout <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError("connect_timeout must be positive");
  }
  if (options.keepalive_time < kShortestKeepalive || options.keepalive_timeout < kShortestKeepalive) {
    return absl::InvalidArgumentError("keepalive_time and keepalive_timeout must be at least 10 ms");
  }
  if (options.min_dns_interval < absl::ZeroDuration()) {
    return absl::InvalidArgumentError("min_dns_interval must not be negative");
  }
  if (options.max_message_bytes < kSmallestMessageLimit || options.max_reply_bytes < kSmallestMessageLimit) {
    return absl::InvalidArgumentError(
        absl::StrCat("max_message_bytes and max_reply_bytes must be at least ", kSmallestMessageLimit));
  }
  return CheckToken(options);
}

std::shared_ptr<grpc::Channel> MakeChannel(const ClientOptions& options, Health health) {
  const auto milliseconds = [](absl::Duration time) { return static_cast<int>(absl::ToInt64Milliseconds(time)); };
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(options.max_reply_bytes);
  // What is too large is told before it goes out, with the server's limit beside it (MessageTooLarge).
  arguments.SetMaxSendMessageSize(-1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kReconnectMilliseconds);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kLongestReconnectMilliseconds);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kLongestReconnectMilliseconds);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, milliseconds(options.keepalive_time));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, milliseconds(options.keepalive_timeout));
  // Otherwise the third ping without data would be the last: a stream whose line stands still would not notice.
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_DNS_MIN_TIME_BETWEEN_RESOLUTIONS_MS, milliseconds(options.min_dns_interval));
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);  // attempts are counted here
  arguments.SetServiceConfigJSON(kServiceConfig);
  if (health == Health::kIgnored) arguments.SetInt(GRPC_ARG_INHIBIT_HEALTH_CHECKING, 1);
  if (!options.tls_server_name.empty()) arguments.SetSslTargetNameOverride(options.tls_server_name);
  // A proxy from the environment cannot know this machine's own addresses.
  if (IsLoopback(options.target)) arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  const auto credentials = options.credentials ? options.credentials : grpc::InsecureChannelCredentials();
  return grpc::CreateCustomChannel(options.target, credentials, arguments);
}

}  // namespace

CallMetadata::CallMetadata(const std::string& token, grpc::ClientContext& context) : request_id_(RandomId()) {
  context.AddMetadata("x-request-id", request_id_);
  if (!token.empty()) context.AddMetadata("authorization", absl::StrCat("Bearer ", token));
}

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

absl::StatusOr<std::unique_ptr<ServerChannel>> ServerChannel::Create(const ClientOptions& options, Health health) {
  if (const absl::Status status = Check(options); !status.ok()) return status;
  return absl::WrapUnique(new ServerChannel(options, health));
}

ServerChannel::ServerChannel(ClientOptions options, Health health)
    : options_(std::move(options)), channel_(MakeChannel(options_, health)) {}

std::shared_ptr<grpc::Channel> ServerChannel::UncheckedChannel() const {
  return MakeChannel(options_, Health::kIgnored);
}

absl::Time ServerChannel::PatienceOf(absl::Time start, absl::Time deadline) const {
  if (reached_ || options_.wait_for_ready) return deadline;
  return std::min(deadline, start + options_.connect_timeout);
}

void ServerChannel::AwaitConnection(absl::Time deadline) const {
  if (reached_) return;
  const absl::Time now = absl::Now();
  channel_->WaitForConnected(absl::ToChronoTime(now + std::min(kConnectPatience, (deadline - now) / 2)));
}

void ServerChannel::Pause(absl::Duration time) const {
  const absl::Time end = absl::Now() + time;
  channel_->WaitForConnected(absl::ToChronoTime(end));
  absl::SleepFor(end - absl::Now());
}

absl::Status ServerChannel::Repeat(absl::FunctionRef<absl::Status(absl::Time deadline, uint32_t attempt)> once,
                                   absl::FunctionRef<bool(const absl::Status&)> may_pass) {
  const absl::Time start = absl::Now();
  const absl::Time deadline = start + options_.timeout;
  Retry retry;
  absl::Status lost;  // how the attempt before lost its connection; OK: it did not
  for (uint32_t attempt = 0;; ++attempt) {
    AwaitConnection(PatienceOf(start, deadline));
    absl::Status status = once(deadline, attempt);
    if (absl::IsDeadlineExceeded(status) && !FrameErrorIsTheServers(status) && !lost.ok()) {
      return Tried(lost, attempt, absl::Now() - start);  // that nobody is there says more than that time is up
    }
    lost = IsConnectionLost(status) ? status : absl::OkStatus();
    if (status.ok() || !may_pass(status)) return status;
    const absl::Duration delay = retry.Delay(status);
    const absl::Time now = absl::Now();
    if (delay < absl::ZeroDuration()) return status;
    if (now + delay >= PatienceOf(start, deadline)) return Tried(status, attempt + 1, now - start);
    Pause(delay);
  }
}

absl::Status ServerChannel::LearnLimits(absl::Time deadline) {
  if (limits_asked_) return absl::OkStatus();
  const auto stub = InspectionService::NewStub(channel_);
  const auto info =
      Once<GetServerInfoResponse>(deadline, [&](grpc::ClientContext* context, GetServerInfoResponse* answer) {
        return stub->GetServerInfo(context, {}, answer);
      });
  if (!info.ok() && !absl::IsUnimplemented(info.status())) return info.status();
  if (info.ok()) server_message_limit_ = info->limits().max_message_bytes();
  limits_asked_ = true;
  return absl::OkStatus();
}

absl::Status ServerChannel::MessageTooLarge(absl::string_view said, absl::Time deadline) {
  const absl::Status learnt = LearnLimits(deadline);
  const uint64_t limit = server_message_limit_;
  FrameError error;
  error.set_code(static_cast<int>(absl::StatusCode::kResourceExhausted));
  error.set_reason(inspection::v1::ERROR_REASON_MESSAGE_TOO_LARGE);
  error.set_message(absl::StrCat(said.empty() ? "the message is too large" : said, "; this client sends at most ",
                                 options_.max_message_bytes, " bytes (max_message_bytes) and takes at most ",
                                 options_.max_reply_bytes, " (max_reply_bytes), the server takes ",
                                 learnt.ok() && limit > 0
                                     ? absl::StrCat("at most ", limit, " (max_image_bytes and 1 MiB)")
                                     : std::string("what it did not tell")));
  return FromFrameError(error);
}

}  // namespace bayespfl::client
