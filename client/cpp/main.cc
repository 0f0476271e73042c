// bayespfl-client: inspects pictures with an inspection server, from the command line.
#include <string>

#include <CLI/CLI.hpp>

#include "client/cpp/commands.h"
#include "client/cpp/exit_codes.h"

int main(int argc, char** argv) {
  using bayespfl::client::kExitLocal;
  using bayespfl::client::kExitOk;
  CLI::App app("Client of the Bayes-PFL inspection server: finds defects in pictures, given only the object's name.",
               "bayespfl-client");
  int exit_code = kExitOk;
  app.set_version_flag("--version", std::string(BAYESPFL_VERSION));
  app.require_subcommand(1);
  app.footer(bayespfl::client::kExitCodeHelp);
  app.failure_message(CLI::FailureMessage::simple);
  bayespfl::client::AddInspectCommand(app, exit_code);
  bayespfl::client::AddHealthCommand(app, exit_code);
  bayespfl::client::AddInfoCommand(app, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {  // how CLI11 reports; --help and --version come this way too
    return app.exit(e) == kExitOk ? kExitOk : kExitLocal;
  }
  return exit_code;
}
