#include "client/cpp/commands.h"

#include <string>

#include "base/sub_commands.h"
#include "client/cpp/exit_codes.h"

namespace bayespfl::client {

int RunClient(int argc, const char* const* argv) {
  static_assert(kExitLocal == kExitWrongUsage);
  CLI::App app("Client of the Bayes-PFL inspection server: finds defects in pictures, given only the object's name.",
               "bayespfl-client");
  int exit_code = kExitOk;
  app.set_version_flag("--version", std::string(BAYESPFL_VERSION));
  app.footer(kExitCodeHelp);
  AddInspectCommand(app, exit_code);
  AddReplayCommand(app, exit_code);
  AddModelsCommand(app, exit_code);
  AddAdminCommand(app, exit_code);
  AddInfoCommand(app, exit_code);
  AddHealthCommand(app, exit_code);
  AddBenchCommand(app, exit_code);
  return RunSubCommand(app, argc, argv).value_or(exit_code);
}

}  // namespace bayespfl::client
