#include "server/runtime/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstddef>
#include <sstream>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/files.h"
#include "base/nearest_name.h"

namespace bayespfl::server {
namespace {

constexpr size_t kMaxConfigBytes = size_t{1} << 20;

constexpr absl::string_view kReferenceIntroduction = R"(# Configuration

<!-- Written by `bayespfl-server --print-config-reference`; a test compares. The source is server/runtime/settings.def. -->

Every setting below is a key of one YAML file, a flag and an environment variable:

| where | for example |
|---|---|
| flag | `--max-batch 8` |
| environment variable | `BAYESPFL_MAX_BATCH=8` |
| the file that `--config FILE` or `BAYESPFL_CONFIG` names | `max_batch: 8` |

A flag wins over the environment, the environment over the file, the file over the default. A flag of a setting that is
`true` or `false` may stand without its value (`--key` is `--key=true`).

Names that are not known are errors in all three places, with the nearest known name: a misspelt limit must not leave the
default in force. Of the environment that holds for every variable that begins with `BAYESPFL_`, but for those of the
scripts and of the clients (`BAYESPFL_CACHE`, `BAYESPFL_VENV`, `BAYESPFL_TOOLS_VENV`, `BAYESPFL_TEST_VENV`,
`BAYESPFL_JOBS`, `BAYESPFL_ADMIN`, `BAYESPFL_SERVER`, `BAYESPFL_SERVER_BINARY`, `BAYESPFL_TLS_CA`, `BAYESPFL_TOKEN`,
`BAYESPFL_TOKEN_FILE`) and those that Kubernetes sets
in every pod for a Service named `bayespfl…` (`BAYESPFL_PORT=tcp://…`, `BAYESPFL_SERVICE_HOST`, …).

| flag | what it does |
|---|---|
| `--check-config` | reads and checks every setting, also that the files and folders it names exist, but not what is in them; prints one sentence and exits with 0 or 1; opens no port, loads no model |
| `--print-config` | prints the configuration that would be used, with where each value comes from, as a file that `--config` reads; secrets are not in it: settings only name the files that hold them |
| `--print-config-reference` | prints this page |
| `--new-token NAME` | prints a new bearer token, once, and its line for `tokens_file`; `--token-role inspect-high` for one that may send frames of high priority, `admin` for an administrator ([security.md](security.md)) |
)";

absl::Status CheckRemaining(const CLI::App& app) {
  const std::vector<std::string> remaining = app.remaining();
  if (remaining.empty()) return absl::OkStatus();
  const std::string word = remaining.front().substr(0, remaining.front().find('='));
  if (!absl::StartsWith(word, "-")) {
    return absl::InvalidArgumentError(absl::StrCat("unexpected argument '", word, "'; settings are given as --flags"));
  }
  std::vector<std::string> known;
  for (const CLI::Option* option : app.get_options()) known.push_back("--" + option->get_lnames().front());
  return absl::InvalidArgumentError(
      absl::StrCat("unknown flag '", word, "'", DidYouMean(word, known, "--help lists the known ones")));
}

// "NAME" of the environment; empty when it is not set.
std::string Variable(const char* const* environment, absl::string_view name) {
  for (; *environment != nullptr; ++environment) {
    absl::string_view value = *environment;
    if (absl::ConsumePrefix(&value, absl::StrCat(name, "="))) return std::string(value);
  }
  return "";
}

// With these the program prints something and ends.
constexpr std::array<absl::string_view, 7> kPrintingFlags = {
    "--check-config", "--print-config", "--print-config-reference", "--new-token", "--version", "--help", "-h"};

// The value of a flag in a command line that may be wrong; empty when there is none.
std::string FlagValue(int argc, const char* const* argv, absl::string_view flag) {
  for (int i = 1; i < argc; ++i) {
    absl::string_view word = argv[i];
    if (!absl::ConsumePrefix(&word, flag)) continue;
    if (absl::ConsumePrefix(&word, "=")) return std::string(word);
    if (word.empty() && i + 1 < argc) return argv[i + 1];
  }
  return "";
}

// The value of a key in a file that may be no YAML; empty when there is no line of it.
std::string FileValue(const std::string& path, absl::string_view key) {
  const absl::StatusOr<std::string> text = path.empty() ? std::string() : ReadFile(path, kMaxConfigBytes);
  if (!text.ok()) return "";
  for (absl::string_view line : absl::StrSplit(*text, '\n')) {
    if (!absl::ConsumePrefix(&line, key) || !absl::ConsumePrefix(&line, ":")) continue;
    line = absl::StripAsciiWhitespace(line.substr(0, line.find('#')));
    if (line.size() >= 2 && (line.front() == '"' || line.front() == '\'')) line = line.substr(1, line.size() - 2);
    return std::string(line);
  }
  return "";
}

absl::Status ApplyFile(const std::string& path, SettingTable& table) {
  const absl::StatusOr<std::string> text = ReadFile(path, kMaxConfigBytes);
  if (!text.ok()) return absl::Status(text.status().code(), absl::StrCat("--config: ", text.status().message()));
  const absl::Status applied = table.ApplyYaml(*text);
  return applied.ok() ? applied : absl::Status(applied.code(), absl::StrCat(path, ": ", applied.message()));
}

std::string ConfigFile(const Flags& flags, const char* const* environment) {
  return flags.config_file.empty() ? Variable(environment, kConfigFileVariable) : flags.config_file;
}

absl::Status ApplyAll(const Flags& flags, const char* const* environment, SettingTable& table) {
  const std::string file = ConfigFile(flags, environment);
  absl::Status status = file.empty() ? absl::OkStatus() : ApplyFile(file, table);
  if (status.ok()) status = table.ApplyEnvironment(environment);
  for (const auto& [setting, text] : flags.settings) {
    if (status.ok()) status = table.ApplyFlag(*setting, text);
  }
  return status;
}

}  // namespace

absl::StatusOr<Flags> ParseFlags(int argc, const char* const* argv, const SettingTable& table) {
  Flags flags;
  CLI::App app("Inspects pictures with a Bayes-PFL model and serves the results over gRPC.", "bayespfl-server");
  app.allow_extras();  // CheckRemaining() knows more to say about them
  app.set_version_flag("--version", std::string("bayespfl-server " BAYESPFL_VERSION));
  app.add_option("--config", flags.config_file, "YAML file with the settings below; flags win")->type_name("FILE");
  app.add_flag("--check-config", flags.check_config, "check the configuration and exit");
  app.add_flag("--print-config", flags.print_config, "print the configuration in force and exit");
  app.add_flag("--print-config-reference", flags.print_config_reference, "print docs/configuration.md and exit");
  NewTokenRequest token;
  auto* new_token =
      app.add_option("--new-token", token.name, "print a new token and its line of tokens_file, and exit");
  new_token->type_name("NAME");
  app.add_option("--token-role", token.role, "role of --new-token: inspect, inspect-high or admin")->needs(new_token);
  const std::vector<Setting>& settings = table.settings();
  std::vector<std::string> values(settings.size());
  std::vector<CLI::Option*> options;
  for (size_t i = 0; i < settings.size(); ++i) {
    const bool is_boolean = std::holds_alternative<BooleanSetting>(settings[i].type);
    const std::string help = absl::StrCat(settings[i].help, " [", ShownValue(settings[i]), "]");
    options.push_back(is_boolean ? app.add_flag(FlagName(settings[i]), values[i], help)
                                 : app.add_option(FlagName(settings[i]), values[i], help));
    options.back()->group(std::string(settings[i].section));
    if (!is_boolean) options.back()->type_name("VALUE");
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {  // CLI11 has no other way to report, --help and --version included
    if (error.get_exit_code() != 0) return absl::InvalidArgumentError(error.what());
    std::ostringstream text;
    app.exit(error, text, text);
    flags.text = text.str();
    return flags;
  }
  const absl::Status known = CheckRemaining(app);
  if (!known.ok()) return known;
  if (new_token->count() > 0) flags.new_token = std::move(token);
  for (size_t i = 0; i < settings.size(); ++i) {
    if (options[i]->count() > 0) flags.settings.emplace_back(&settings[i], values[i]);
  }
  return flags;
}

absl::StatusOr<CommandLine> ParseCommandLine(int argc, const char* const* argv, const char* const* environment) {
  CommandLine command_line;
  SettingTable table(SettingsOf(command_line.config));
  absl::StatusOr<Flags> flags = ParseFlags(argc, argv, table);
  if (!flags.ok()) return flags.status();
  command_line.text = std::move(flags->text);
  command_line.new_token = std::move(flags->new_token);
  if (flags->print_config_reference) command_line.text = ConfigReference();
  if (command_line.text.has_value() || command_line.new_token.has_value()) return command_line;

  absl::Status status = ApplyAll(*flags, environment, table);
  if (!status.ok()) return status;
  if (flags->print_config) {
    command_line.text = table.ToYaml();
    return command_line;
  }
  command_line.settings = table.Effective();
  command_line.config_file = ConfigFile(*flags, environment);
  status = CheckConfig(command_line.config);
  if (status.ok()) status = table.CheckFiles();
  if (status.ok()) status = CheckModelFolders(command_line.config);
  if (!status.ok()) return status;
  if (flags->check_config) command_line.text = absl::StrCat("The configuration is valid (", table.Summary(), ").\n");
  return command_line;
}

std::string WantedLogFormat(int argc, const char* const* argv, const char* const* environment) {
  for (int i = 1; i < argc; ++i) {
    const absl::string_view word = absl::string_view(argv[i]).substr(0, absl::string_view(argv[i]).find('='));
    if (std::find(kPrintingFlags.begin(), kPrintingFlags.end(), word) != kPrintingFlags.end()) return "text";
  }
  std::string format = FlagValue(argc, argv, "--log-format");
  if (format.empty()) format = Variable(environment, "BAYESPFL_LOG_FORMAT");
  if (format.empty()) {
    const std::string flag = FlagValue(argc, argv, "--config");
    format = FileValue(flag.empty() ? Variable(environment, kConfigFileVariable) : flag, "log_format");
  }
  return format == "json" ? "json" : "text";
}

std::string ConfigReference() {
  ServerConfig defaults;
  return absl::StrCat(kReferenceIntroduction, SettingTable(SettingsOf(defaults)).ToMarkdown());
}

}  // namespace bayespfl::server
