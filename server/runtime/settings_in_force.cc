#include "server/runtime/settings_in_force.h"

#include <cstddef>
#include <utility>

#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"

namespace bayespfl::server {
namespace {

constexpr absl::string_view kLogLevelKey = "log_level";  // the one that needs no restart

}  // namespace

SettingsInForce::SettingsInForce(const ServerConfig& config, std::vector<EffectiveSetting> given, SettingsReader read,
                                 LogLevelControl& log_level, Logger logger)
    : config_(config),
      read_(std::move(read)),
      log_level_(log_level),
      logger_(std::move(logger)),
      given_(std::move(given)) {}

void SettingsInForce::Reload() {
  if (!read_) return;
  const absl::StatusOr<std::vector<EffectiveSetting>> read = read_();
  if (!read.ok()) {
    logger_->Error(
        "the settings cannot be read again; those in force stay",
        {{"code", absl::StatusCodeToString(read.status().code())}, {"error", std::string(read.status().message())}});
    return;
  }
  const std::vector<std::string> waiting = TakeOver(*read);
  if (waiting.empty()) return logger_->Info("no setting has changed that needs a restart");
  logger_->Warning("changed settings need a restart", {{"settings", absl::StrJoin(waiting, ", ")}});
}

std::vector<std::string> SettingsInForce::TakeOver(const std::vector<EffectiveSetting>& read) {
  std::vector<std::string> waiting;
  MutexLock lock(mu_);
  for (size_t i = 0; i < given_.size() && i < read.size(); ++i) {
    const EffectiveSetting& now = read[i];
    if (now.key == kLogLevelKey) {
      given_[i] = now;
      const absl::StatusOr<LogLevel> level = ParseLogLevel(now.value);
      if (level.ok()) log_level_.Configure(*level);
    } else if (now.value != given_[i].value) {
      waiting.push_back(now.key);
    }
  }
  return waiting;
}

std::vector<SettingInUse> SettingsInForce::List() const {
  ServerConfig in_use = config_;  // a table needs variables
  const SettingTable table(SettingsOf(in_use));
  std::vector<SettingInUse> list;
  MutexLock lock(mu_);
  for (size_t i = 0; i < given_.size(); ++i) {
    const Setting& setting = table.settings().at(i);
    const bool live = setting.key == kLogLevelKey;  // changed by Reload(), and not in config_
    list.push_back({given_[i], live ? given_[i].value : ValueOf(setting)});
  }
  return list;
}

}  // namespace bayespfl::server
