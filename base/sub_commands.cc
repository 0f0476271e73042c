#include "base/sub_commands.h"

#include <CLI/CLI.hpp>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/nearest_name.h"
#include "base/utf8.h"

namespace bayespfl {
namespace {

std::vector<std::string> NamesOfCommands(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands(nullptr)) names.push_back(command->get_name());
  return names;
}

std::vector<std::string> NamesOfFlags(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

std::string WrongWord(const CLI::App& app, const std::string& word) {
  const std::vector<std::string> commands = NamesOfCommands(app);
  if (absl::StartsWith(word, "-")) {
    const std::string flag = word.substr(0, word.find('='));  // the value may be a secret
    return absl::StrCat("unknown flag '", EscapeControls(flag), "'",
                        DidYouMean(flag, NamesOfFlags(app),
                                   commands.empty() ? "--help lists the known ones" : "flags come after the command"));
  }
  const std::string quoted = absl::StrCat("'", EscapeControls(word), "'");
  if (commands.empty()) return absl::StrCat("there is no place for ", quoted, "; --help says what it takes");
  return absl::StrCat("unknown command ", quoted,
                      DidYouMean(word, commands, absl::StrCat("there are: ", absl::StrJoin(commands, ", "))));
}

// The innermost command that was chosen, or the one before it that words are left over from: they belong to it.
const CLI::App& WrongCommand(const CLI::App& app) {
  const CLI::App* command = &app;
  while (command->remaining().empty() && !command->get_subcommands().empty()) {
    command = command->get_subcommands().front();
  }
  return *command;
}

// "PROGRAM", "PROGRAM COMMAND", "PROGRAM COMMAND COMMAND".
std::string FullName(const CLI::App& command) {
  if (command.get_parent() == nullptr) return command.get_name();
  return absl::StrCat(FullName(*command.get_parent()), " ", command.get_name());
}

// What is wrong, without the program's name.
std::string Reason(const CLI::App& command, const CLI::ParseError& error) {
  const std::vector<std::string> unknown = command.remaining();
  // CLI11 looks for what is missing first; a word that it does not know explains more, and is often the misspelt one.
  if (!unknown.empty()) return WrongWord(command, unknown.front());
  const std::vector<std::string> commands = NamesOfCommands(command);
  if (!commands.empty()) return absl::StrCat("no command given; there are: ", absl::StrJoin(commands, ", "));
  return absl::StrCat(EscapeControls(error.what()), "; --help says what it takes");
}

}  // namespace

std::optional<int> RunSubCommand(CLI::App& app, int argc, const char* const* argv) {
  app.require_subcommand(1);
  try {
    app.parse(argc, argv);
    return std::nullopt;
  } catch (const CLI::Success& done) {  // --help and --version
    return app.exit(done);
  } catch (const CLI::ParseError& error) {
    const CLI::App& command = WrongCommand(app);
    std::cerr << FullName(command) << ": " << Reason(command, error) << '\n';
    return kExitWrongUsage;
  }
}

}  // namespace bayespfl
