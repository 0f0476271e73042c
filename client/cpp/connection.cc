#include "client/cpp/connection.h"

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/number_range.h"
#include "base/terminal_text.h"
#include "bayespfl/client/errors.h"
#include "client/cpp/exit_codes.h"

namespace bayespfl::client {
namespace {

constexpr double kLongestTimeoutSeconds = 86400;
constexpr double kShortestTimeoutSeconds = 0.001;

absl::StatusOr<std::string> TokenOf(const ConnectionFlags& flags) {
  if (!flags.token_file.empty()) return ReadToken(flags.token_file);
  const char* const token = std::getenv("BAYESPFL_TOKEN");
  return std::string(token != nullptr ? token : "");
}

absl::StatusOr<ClientOptions> OptionsOf(const ConnectionFlags& flags) {
  absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> credentials = ReadTlsCredentials(flags.tls);
  if (!credentials.ok()) return credentials.status();
  absl::StatusOr<std::string> token = TokenOf(flags);
  if (!token.ok()) return token.status();
  ClientOptions options;
  options.target = flags.server;
  options.timeout = absl::Seconds(flags.timeout_seconds);
  // Somebody sits in front of it who may have mistyped the address.
  options.connect_timeout = std::min(options.timeout, absl::Seconds(1));
  options.credentials = *std::move(credentials);
  options.token = *std::move(token);
  options.allow_plaintext_token = flags.allow_plaintext_token;
  return options;
}

// A client of either kind, or null after an error message.
template <typename Client>
std::unique_ptr<Client> CreateClient(const ConnectionFlags& flags) {
  const absl::StatusOr<ClientOptions> options = OptionsOf(flags);
  if (!options.ok()) {
    PrintError(options.status().message());
    return nullptr;
  }
  absl::StatusOr<std::unique_ptr<Client>> client = Client::Create(*options);
  if (client.ok()) return *std::move(client);
  PrintError(client.status().message());
  return nullptr;
}

void AddSharedFlags(CLI::App& command, ConnectionFlags& flags, const std::string& timeout_help) {
  command.add_option("--timeout", flags.timeout_seconds, timeout_help)
      ->type_name("SECONDS")
      ->check(
          [](const std::string& text) { return CheckNumber(text, kShortestTimeoutSeconds, kLongestTimeoutSeconds); })
      ->capture_default_str();
  command.add_option("--tls-ca", flags.tls.ca, "Use TLS; PEM authorities of the server's certificate")
      ->envname("BAYESPFL_TLS_CA")
      ->type_name("FILE");
  command.add_option("--tls-cert", flags.tls.certificate, "PEM certificate of this client")->type_name("FILE");
  command.add_option("--tls-key", flags.tls.key, "PEM private key of --tls-cert")->type_name("FILE");
  command.add_option("--token-file", flags.token_file, "File with a bearer token; default: $BAYESPFL_TOKEN")
      ->envname("BAYESPFL_TOKEN_FILE")
      ->type_name("FILE");
  command.add_flag("--allow-plaintext-token", flags.allow_plaintext_token,
                   "Send the token without TLS to another machine");
}

// What a refusal says, and what may help.
std::string Refusal(const std::string& who, const absl::Status& status) {
  std::string text = absl::StrCat(who, " refused: ", status.message());
  if (absl::IsUnauthenticated(status)) absl::StrAppend(&text, " (--token-file gives one)");
  const std::optional<absl::Duration> delay = RetryDelayOf(status);
  if (delay.has_value()) absl::StrAppend(&text, "; try again in ", absl::FormatDuration(*delay));
  return text;
}

bool NoAnswer(const absl::Status& status) { return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status); }

}  // namespace

void AddConnectionFlags(CLI::App& command, ConnectionFlags& flags, const std::string& timeout_help) {
  command.add_option("--server", flags.server, "Address of the server")
      ->envname("BAYESPFL_SERVER")
      ->type_name("HOST:PORT")
      ->capture_default_str();
  AddSharedFlags(command, flags, timeout_help);
}

void AddAdminConnectionFlags(CLI::App& command, ConnectionFlags& flags, const std::string& timeout_help) {
  command.add_option("--admin", flags.server, "Address of the server's administration port (its setting admin_port)")
      ->envname("BAYESPFL_ADMIN")
      ->type_name("HOST:PORT")
      ->required();
  AddSharedFlags(command, flags, timeout_help);
}

std::unique_ptr<InspectionClient> Connect(const ConnectionFlags& flags) {
  return CreateClient<InspectionClient>(flags);
}

std::unique_ptr<AdminClient> ConnectAdmin(const ConnectionFlags& flags) { return CreateClient<AdminClient>(flags); }

void PrintError(absl::string_view message) { std::cerr << "bayespfl-client: " << OneLine(message) << std::endl; }

int ReportServerError(const InspectionClient& client, const absl::Status& status) {
  const std::string who = absl::StrCat("the server at ", client.target());
  if (!NoAnswer(status)) {
    PrintError(Refusal(who, status));
    return kExitLocal;
  }
  if (client.Health().ok()) {
    PrintError(absl::StrCat(who, " is there but does not serve: ", status.message()));
  } else {
    PrintError(absl::StrCat("cannot reach ", who, ": ", status.message(),
                            "; is it running? try `bayespfl-client health --server ", client.target(), "`"));
  }
  return kExitUnreachable;
}

int ReportAdminError(const AdminClient& client, const absl::Status& status) {
  const std::string who = absl::StrCat("the administration port at ", client.target());
  if (!NoAnswer(status)) {
    PrintError(Refusal(who, status));
    return kExitLocal;
  }
  PrintError(absl::StrCat("no answer from ", who, ": ", status.message()));
  return kExitUnreachable;
}

}  // namespace bayespfl::client
