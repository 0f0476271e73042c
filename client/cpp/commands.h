// The commands of bayespfl-client. Each adds itself to the program; when chosen, it runs and stores its exit code.
#ifndef BAYESPFL_CLIENT_CPP_COMMANDS_H_
#define BAYESPFL_CLIENT_CPP_COMMANDS_H_

#include <CLI/CLI.hpp>

namespace bayespfl::client {

// `exit_code` must outlive `app`.
void AddInspectCommand(CLI::App& app, int& exit_code);
void AddReplayCommand(CLI::App& app, int& exit_code);
void AddModelsCommand(CLI::App& app, int& exit_code);
void AddAdminCommand(CLI::App& app, int& exit_code);
void AddInfoCommand(CLI::App& app, int& exit_code);
void AddHealthCommand(CLI::App& app, int& exit_code);
void AddBenchCommand(CLI::App& app, int& exit_code);

// The whole program: parses the command line, runs its command, and returns the exit code (exit_codes.h). Results go to
// standard output, errors to standard error.
int RunClient(int argc, const char* const* argv);

}  // namespace bayespfl::client

#endif  // BAYESPFL_CLIENT_CPP_COMMANDS_H_
