// The command line of bayespfl-server.
#ifndef BAYESPFL_SERVER_RUNTIME_COMMAND_LINE_H_
#define BAYESPFL_SERVER_RUNTIME_COMMAND_LINE_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/runtime/config.h"
#include "server/runtime/setting_table.h"

namespace bayespfl::server {

// A bearer token that somebody wants.
struct NewTokenRequest {
  std::string name;
  std::string role = "inspect";
};

// The flags that were given.
struct Flags {
  std::string config_file;  // --config; empty: not given
  bool check_config = false;
  bool print_config = false;
  bool print_config_reference = false;
  std::optional<NewTokenRequest> new_token;                      // --new-token, with --token-role
  std::optional<std::string> text;                               // of --help and --version
  std::vector<std::pair<const Setting*, std::string>> settings;  // of the table, in its order, with their values
};

// Reads flags: those above, and one for each setting of `table`, which outlives the result. A boolean's flag needs no
// value. InvalidArgument: an unknown flag (with the nearest known one), a missing value, a word that is no flag, a flag
// given twice.
absl::StatusOr<Flags> ParseFlags(int argc, const char* const* argv, const SettingTable& table);

struct CommandLine {
  ServerConfig config;
  std::vector<EffectiveSetting> settings;    // the same, with where each value came from
  std::string config_file;                   // that was read; empty: none
  std::optional<std::string> text;           // set by --help, --version, --check-config, --print-config and
                                             // --print-config-reference: print it and exit with 0
  std::optional<NewTokenRequest> new_token;  // set by --new-token: print a token and exit
};

// The configuration that the server runs with: flags win over environment variables, these over the file that --config
// or BAYESPFL_CONFIG names, and that over the defaults. `environment` holds "NAME=value" and ends with a null pointer.
//
// All of it is checked, and that what it names on disk exists, unless a text is only printed (--print-config among
// them, which shows a configuration that cannot run as well). InvalidArgument, NotFound and other errors of files name
// the place: file and line, variable or flag.
absl::StatusOr<CommandLine> ParseCommandLine(int argc, const char* const* argv, const char* const* environment);

// The log_format that a server with this command line and environment would have, as far as that can be told of
// settings with a mistake in them: the flag's, else the variable's, else that of a line `log_format: ...` of the file.
// "text" when none of them says "json", and for a program that prints something and ends (--check-config and the like).
std::string WantedLogFormat(int argc, const char* const* argv, const char* const* environment);

// docs/configuration.md.
std::string ConfigReference();

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_RUNTIME_COMMAND_LINE_H_
