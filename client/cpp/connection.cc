#include "client/cpp/connection.h"

#include <iostream>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "client/cpp/exit_codes.h"
#include "client/cpp/text.h"

namespace bayespfl::client {
namespace {

constexpr double kLongestTimeoutSeconds = 86400;
constexpr double kShortestTimeoutSeconds = 0.001;

bool NoAnswer(const absl::Status& status) { return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status); }

}  // namespace

void AddConnectionFlags(CLI::App& command, ConnectionFlags& flags, const std::string& timeout_help) {
  command.add_option("--server", flags.server, "Address of the server")
      ->envname("BAYESPFL_SERVER")
      ->type_name("HOST:PORT")
      ->capture_default_str();
  command.add_option("--timeout", flags.timeout_seconds, timeout_help)
      ->type_name("SECONDS")
      ->check(CLI::Range(kShortestTimeoutSeconds, kLongestTimeoutSeconds))
      ->capture_default_str();
}

std::unique_ptr<InspectionClient> Connect(const ConnectionFlags& flags) {
  ClientOptions options;
  options.target = flags.server;
  options.timeout = absl::Seconds(flags.timeout_seconds);
  absl::StatusOr<std::unique_ptr<InspectionClient>> client = InspectionClient::Create(options);
  if (client.ok()) return *std::move(client);
  PrintError(client.status().message());
  return nullptr;
}

void PrintError(absl::string_view message) { std::cerr << "bayespfl-client: " << OneLine(message) << std::endl; }

int ReportServerError(const InspectionClient& client, const absl::Status& status) {
  if (!NoAnswer(status)) {
    PrintError(absl::StrCat("the server at ", client.target(), " refused: ", status.message()));
    return kExitLocal;
  }
  if (client.Health().ok()) {
    PrintError(absl::StrCat("the server at ", client.target(), " is there but does not serve: ", status.message()));
  } else {
    PrintError(absl::StrCat("cannot reach the server at ", client.target(), ": ", status.message(),
                            "; is it running? try `bayespfl-client health --server ", client.target(), "`"));
  }
  return kExitUnreachable;
}

}  // namespace bayespfl::client
