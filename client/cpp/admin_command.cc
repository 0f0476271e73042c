#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/terminal_text.h"
#include "client/cpp/commands.h"
#include "client/cpp/connection.h"
#include "client/cpp/exit_codes.h"
#include "client/cpp/model_view.h"

namespace bayespfl::client {
namespace {

using Json = nlohmann::ordered_json;

constexpr absl::Duration kDrainPoll = absl::Milliseconds(200);

struct AdminFlags {
  ConnectionFlags connection;
  std::string level;     // empty: not given
  std::string duration;  // empty: not given
  bool configured = false;
  bool wait = false;
  bool json = false;
};

// "2026-01-31T12:00:00Z".
std::string TimeText(const google::protobuf::Timestamp& time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixSeconds(time.seconds()), absl::UTCTimeZone());
}

// "LAME_DUCK" of SERVER_PHASE_LAME_DUCK.
std::string PhaseName(admin::v1::ServerPhase phase) {
  return std::string(absl::StripPrefix(admin::v1::ServerPhase_Name(phase), "SERVER_PHASE_"));
}

// "flag" of SETTING_SOURCE_FLAG.
std::string SourceName(admin::v1::SettingSource source) {
  return absl::AsciiStrToLower(absl::StripPrefix(admin::v1::SettingSource_Name(source), "SETTING_SOURCE_"));
}

int PrintLevel(const AdminClient& client, const absl::StatusOr<admin::v1::LogLevel>& level) {
  if (!level.ok()) return ReportAdminError(client, level.status());
  std::cout << OneLine(level->level());
  if (level->has_until()) std::cout << " until " << TimeText(level->until());
  std::cout << " (configured: " << OneLine(level->configured()) << ")" << std::endl;
  return kExitOk;
}

int RunLogLevel(const AdminFlags& flags) {
  std::optional<absl::Duration> duration;
  if (!flags.duration.empty()) {
    absl::Duration parsed;
    if (!absl::ParseDuration(flags.duration, &parsed) || parsed <= absl::ZeroDuration()) {
      PrintError(absl::StrCat("--for is '", flags.duration, "'; expected a time such as 90s, 10m or 2h"));
      return kExitLocal;
    }
    duration = parsed;
  }
  if (flags.level.empty() && duration.has_value()) {
    PrintError("--for needs a level");
    return kExitLocal;
  }
  const std::unique_ptr<AdminClient> client = ConnectAdmin(flags.connection);
  if (client == nullptr) return kExitLocal;
  if (flags.configured) return PrintLevel(*client, client->SetLogLevel(""));
  return PrintLevel(*client, flags.level.empty() ? client->GetLogLevel() : client->SetLogLevel(flags.level, duration));
}

bool IsDrained(const admin::v1::DrainResponse& progress) {
  return progress.phase() >= admin::v1::SERVER_PHASE_DRAINING && progress.calls_open() == 0 &&
         progress.frames_in_flight() == 0;
}

int RunDrain(const AdminFlags& flags) {
  const std::unique_ptr<AdminClient> client = ConnectAdmin(flags.connection);
  if (client == nullptr) return kExitLocal;
  const absl::Time deadline = absl::Now() + absl::Seconds(flags.connection.timeout_seconds);
  absl::StatusOr<admin::v1::DrainResponse> progress = client->Drain();
  while (flags.wait && progress.ok() && !IsDrained(*progress) && absl::Now() < deadline) {
    absl::SleepFor(kDrainPoll);
    progress = client->Drain();
  }
  if (!progress.ok()) return ReportAdminError(*client, progress.status());
  std::cout << PhaseName(progress->phase()) << ": " << progress->frames_in_flight() << " frames in flight, "
            << progress->streams_open() << " streams and " << progress->calls_open() - progress->streams_open()
            << " other calls open" << std::endl;
  if (!flags.wait || IsDrained(*progress)) return kExitOk;
  PrintError("the server is not drained yet; the drain goes on");
  return kExitLocal;
}

Json ToJson(const admin::v1::GetConfigurationResponse& configuration) {
  Json settings = Json::array();
  for (const admin::v1::Setting& setting : configuration.settings()) {
    settings.push_back({{"key", setting.key()},
                        {"value", setting.value()},
                        {"in_use", setting.in_use()},
                        {"source", SourceName(setting.source())},
                        {"place", setting.place()}});
  }
  Json models = Json::array();
  for (const admin::v1::ServedModel& model : configuration.models()) {
    models.push_back({{"name", model.name()}, {"digest", model.digest()}});
  }
  Json json = {{"server_version", configuration.server_version()},
               {"config_file", configuration.config_file()},
               {"settings", settings},
               {"models", models},
               {"certificate", nullptr},
               {"tokens", nullptr}};
  if (configuration.has_certificate()) {
    json["certificate"] = {{"sha256", configuration.certificate().sha256()},
                           {"not_after", TimeText(configuration.certificate().not_after())}};
  }
  if (configuration.has_tokens()) {
    json["tokens"] = {{"sha256", configuration.tokens().sha256()}, {"tokens", configuration.tokens().tokens()}};
  }
  return json;
}

// "max_batch: 8  # flag, --max-batch".
void PrintConfiguration(const admin::v1::GetConfigurationResponse& configuration) {
  for (const admin::v1::Setting& setting : configuration.settings()) {
    std::cout << OneLine(setting.key()) << ": " << OneLine(setting.value());
    if (setting.in_use() != setting.value()) std::cout << " (in use: " << OneLine(setting.in_use()) << ")";
    std::cout << "  # " << SourceName(setting.source());
    if (!setting.place().empty()) std::cout << ", " << OneLine(setting.place());
    std::cout << '\n';
  }
  std::cout << "# server " << OneLine(configuration.server_version());
  if (!configuration.config_file().empty()) std::cout << ", file " << OneLine(configuration.config_file());
  std::cout << '\n';
  for (const admin::v1::ServedModel& model : configuration.models()) {
    std::cout << "# model " << OneLine(model.name()) << ", digest " << OneLine(model.digest()) << '\n';
  }
  if (configuration.has_certificate()) {
    std::cout << "# certificate " << OneLine(configuration.certificate().sha256()) << ", expires "
              << TimeText(configuration.certificate().not_after()) << '\n';
  }
  if (configuration.has_tokens()) {
    std::cout << "# tokens_file " << OneLine(configuration.tokens().sha256()) << ", " << configuration.tokens().tokens()
              << " tokens\n";
  }
  std::cout.flush();
}

int RunConfig(const AdminFlags& flags) {
  const std::unique_ptr<AdminClient> client = ConnectAdmin(flags.connection);
  if (client == nullptr) return kExitLocal;
  const absl::StatusOr<admin::v1::GetConfigurationResponse> configuration = client->GetConfiguration();
  if (!configuration.ok()) return ReportAdminError(*client, configuration.status());
  if (flags.json) {
    std::cout << JsonText(ToJson(*configuration)) << std::endl;
  } else {
    PrintConfiguration(*configuration);
  }
  return kExitOk;
}

using Action = int (*)(const AdminFlags& flags);

std::pair<CLI::App*, std::shared_ptr<AdminFlags>> AddCommand(CLI::App& admin, const std::string& name,
                                                             const std::string& help, double timeout_seconds,
                                                             Action action, int& exit_code) {
  CLI::App* const command = admin.add_subcommand(name, help);
  auto flags = std::make_shared<AdminFlags>();
  flags->connection.timeout_seconds = timeout_seconds;
  AddAdminConnectionFlags(*command, flags->connection, "Longest wait for the answer");
  command->callback([flags, action, &exit_code] { exit_code = action(*flags); });
  return {command, flags};
}

}  // namespace

void AddAdminCommand(CLI::App& app, int& exit_code) {
  CLI::App* const admin = app.add_subcommand("admin", "Look after a server: log level, drain, configuration");
  admin->require_subcommand(1);
  const auto [level, level_flags] =
      AddCommand(*admin, "log-level", "Show the level of the server's log, or change it", 5, RunLogLevel, exit_code);
  CLI::Option* const value =
      level->add_option("level", level_flags->level, "debug, info, warning or error (default: only show it)");
  level->add_option("--for", level_flags->duration, "Go back to the configured level after this time: 90s, 10m, 2h");
  level->add_flag("--configured", level_flags->configured, "Go back to the configured level now")->excludes(value);
  const auto [drain, drain_flags] =
      AddCommand(*admin, "drain", "Take the server out of service, without ending it; there is no way back", 60,
                 RunDrain, exit_code);
  drain->add_flag("--wait", drain_flags->wait, "Return when nothing is in flight any more");
  const auto [config, config_flags] =
      AddCommand(*admin, "config", "The server's settings and where they come from, its models, certificate and tokens",
                 5, RunConfig, exit_code);
  config->add_flag("--json", config_flags->json, "Print one JSON object");
}

}  // namespace bayespfl::client
