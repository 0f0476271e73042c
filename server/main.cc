// bayespfl-server: see docs/quickstart.md, or --help.
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/program/announcer.h"
#include "server/program/program_log.h"
#include "server/program/serve.h"
#include "server/program/signal_thread.h"
#include "server/program/standard_descriptors.h"
#include "server/runtime/command_line.h"
#include "server/runtime/settings_in_force.h"
#include "server/security/token_store.h"
#include "server/telemetry/log.h"

namespace {

using bayespfl::server::Announcer;
using bayespfl::server::BlockSignals;
using bayespfl::server::CommandLine;
using bayespfl::server::CreateLogger;
using bayespfl::server::EffectiveSetting;
using bayespfl::server::KeepStandardDescriptors;
using bayespfl::server::kFlushPatience;
using bayespfl::server::Logger;
using bayespfl::server::MakeToken;
using bayespfl::server::NewToken;
using bayespfl::server::NewTokenRequest;
using bayespfl::server::ParseCommandLine;
using bayespfl::server::ParseRole;
using bayespfl::server::ProgramLog;
using bayespfl::server::Role;
using bayespfl::server::Serve;
using bayespfl::server::SettingsReader;
using bayespfl::server::WantedLogFormat;

// Of the programs that print something and end.
int Fail(const absl::Status& status) {
  std::cerr << "bayespfl-server: " << status.message() << std::endl;
  return EXIT_FAILURE;
}

int PrintNewToken(const NewTokenRequest& request) {
  const absl::StatusOr<Role> role = ParseRole(request.role);
  if (!role.ok()) return Fail(role.status());
  const absl::StatusOr<NewToken> made = MakeToken(request.name, *role);
  if (!made.ok()) return Fail(made.status());
  std::cout << "token, shown only now: " << made->token << "\nline for tokens_file: " << made->entry << std::endl;
  return EXIT_SUCCESS;
}

int ServeWithLog(const CommandLine& command_line, const SettingsReader& read_settings) {
  const absl::StatusOr<std::unique_ptr<ProgramLog>> log = ProgramLog::Start(command_line.config);
  if (!log.ok()) return Fail(log.status());
  return Serve(command_line, read_settings, (*log)->logger());
}

// A start that is refused for a wrong setting: in the format that the settings ask for as far as they can be read.
int Refuse(const absl::Status& status, const std::string& format) {
  const absl::StatusOr<Logger> logger = CreateLogger({.format = format});
  if (!logger.ok()) return Fail(logger.status());
  const int exit_code = Announcer(*logger).Fail(status);
  (*logger)->Flush(kFlushPatience);
  return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  BlockSignals();  // before any thread starts, so that all of them inherit it
  std::signal(SIGPIPE, SIG_IGN);
  const absl::Status descriptors = KeepStandardDescriptors();
  if (!descriptors.ok()) return Fail(descriptors);

  const absl::StatusOr<CommandLine> command_line = ParseCommandLine(argc, argv, environ);
  if (!command_line.ok()) return Refuse(command_line.status(), WantedLogFormat(argc, argv, environ));
  if (command_line->text.has_value()) {
    std::cout << *command_line->text;
    return EXIT_SUCCESS;
  }
  if (command_line->new_token.has_value()) return PrintNewToken(*command_line->new_token);
  return ServeWithLog(*command_line, [argc, argv]() -> absl::StatusOr<std::vector<EffectiveSetting>> {
    absl::StatusOr<CommandLine> again = ParseCommandLine(argc, argv, environ);
    if (!again.ok()) return again.status();
    return std::move(again->settings);
  });
}
