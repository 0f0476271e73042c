#include "client/cpp/server_channel.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/support/channel_arguments.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/loopback_host.h"

namespace bayespfl::client {
namespace {

constexpr int kSmallestMessageLimit = 1 << 20;

// How long a first connection may take, and how soon it is tried again.
constexpr absl::Duration kConnectPatience = absl::Seconds(1);
constexpr int kReconnectMilliseconds = 100;

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
  if (options.max_message_bytes < kSmallestMessageLimit || options.max_reply_bytes < kSmallestMessageLimit) {
    return absl::InvalidArgumentError(
        absl::StrCat("max_message_bytes and max_reply_bytes must be at least ", kSmallestMessageLimit));
  }
  return CheckToken(options);
}

}  // namespace

void AddToken(const std::string& token, grpc::ClientContext& context) {
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

absl::StatusOr<ServerChannel> ServerChannel::Create(const ClientOptions& options) {
  if (const absl::Status status = Check(options); !status.ok()) return status;
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(options.max_reply_bytes);
  arguments.SetMaxSendMessageSize(options.max_message_bytes);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kReconnectMilliseconds);
  // A proxy from the environment cannot know this machine's own addresses.
  if (IsLoopback(options.target)) arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  const auto credentials = options.credentials ? options.credentials : grpc::InsecureChannelCredentials();
  return ServerChannel(options, grpc::CreateCustomChannel(options.target, credentials, arguments));
}

void ServerChannel::AwaitConnection(absl::Time deadline) const {
  const absl::Time now = absl::Now();
  channel_->WaitForConnected(absl::ToChronoTime(now + std::min(kConnectPatience, (deadline - now) / 2)));
}

}  // namespace bayespfl::client
