// The command line of a program with sub-commands: what CLI11 makes of it, and how the user hears what is wrong.
#ifndef BAYESPFL_BASE_SUB_COMMANDS_H_
#define BAYESPFL_BASE_SUB_COMMANDS_H_

#include <optional>

namespace CLI {
class App;
}  // namespace CLI

namespace bayespfl {

inline constexpr int kExitWrongUsage = 1;

// Parses the command line, which runs the sub-command that it names: exactly one is required. Absent: it has run. Else
// the exit code: 0 after --help or --version; kExitWrongUsage after one sentence on standard error that says what is
// wrong ("PROGRAM COMMAND: unknown flag '--modle'; did you mean '--model'?"). Commands may have commands of their own.
// `app` has a name, the program's. Call it once for an `app`.
std::optional<int> RunSubCommand(CLI::App& app, int argc, const char* const* argv);

}  // namespace bayespfl

#endif  // BAYESPFL_BASE_SUB_COMMANDS_H_
