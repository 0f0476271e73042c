#include <iostream>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "client/cpp/commands.h"
#include "client/cpp/connection.h"
#include "client/cpp/exit_codes.h"

namespace bayespfl::client {
namespace {

// As grpc.health.v1 calls them.
const char* NameOf(HealthState state) {
  switch (state) {
    case HealthState::kServing:
      return "SERVING";
    case HealthState::kNotServing:
      return "NOT_SERVING";
    case HealthState::kUnknown:
      break;
  }
  return "UNKNOWN";
}

int RunHealth(const ConnectionFlags& flags) {
  const std::unique_ptr<InspectionClient> client = Connect(flags);
  if (client == nullptr) return kExitLocal;
  const absl::StatusOr<HealthState> state = client->Health();
  if (!state.ok()) {
    PrintError(absl::StrCat("cannot reach the server at ", client->target(), ": ", state.status().message()));
    return kExitUnreachable;
  }
  std::cout << NameOf(*state) << std::endl;
  return *state == HealthState::kServing ? kExitOk : kExitUnreachable;
}

}  // namespace

void AddHealthCommand(CLI::App& app, int& exit_code) {
  CLI::App* const command = app.add_subcommand("health", "Ask whether the server is ready; exit 0 when it is, else 3");
  const auto flags = std::make_shared<ConnectionFlags>();
  flags->timeout_seconds = 5;
  AddConnectionFlags(*command, *flags, "Longest wait for the answer");
  command->callback([flags, &exit_code] { exit_code = RunHealth(*flags); });
}

}  // namespace bayespfl::client
