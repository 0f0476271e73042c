// bayespfl-client: inspects pictures with an inspection server, from the command line.
#include <string>

#include <CLI/CLI.hpp>

#include "base/sub_commands.h"
#include "client/cpp/commands.h"
#include "client/cpp/exit_codes.h"

int main(int argc, char** argv) {
  static_assert(bayespfl::client::kExitLocal == bayespfl::kExitWrongUsage);
  CLI::App app("Client of the Bayes-PFL inspection server: finds defects in pictures, given only the object's name.",
               "bayespfl-client");
  int exit_code = bayespfl::client::kExitOk;
  app.set_version_flag("--version", std::string(BAYESPFL_VERSION));
  app.footer(bayespfl::client::kExitCodeHelp);
  bayespfl::client::AddInspectCommand(app, exit_code);
  bayespfl::client::AddHealthCommand(app, exit_code);
  bayespfl::client::AddInfoCommand(app, exit_code);
  return bayespfl::RunSubCommand(app, argc, argv).value_or(exit_code);
}
