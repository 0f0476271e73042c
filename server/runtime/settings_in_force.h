// The settings that a running server goes by, where each came from, and what a reload makes of them.
#ifndef BAYESPFL_SERVER_RUNTIME_SETTINGS_IN_FORCE_H_
#define BAYESPFL_SERVER_RUNTIME_SETTINGS_IN_FORCE_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "server/api/server_admin_methods.h"
#include "server/runtime/config.h"
#include "server/runtime/setting_table.h"
#include "server/telemetry/log.h"
#include "server/telemetry/log_level_control.h"

namespace bayespfl::server {

// Reads flags, environment and file again. Errors are those of ParseCommandLine().
using SettingsReader = std::function<absl::StatusOr<std::vector<EffectiveSetting>>()>;

// Thread-safe.
class SettingsInForce {
 public:
  // `config`: what the server runs with. `given`: the same as it was given, in the order of SettingsOf(); empty: the
  // list is empty too. `read` may be empty: there is nothing to read again. `log_level` outlives this.
  SettingsInForce(const ServerConfig& config, std::vector<EffectiveSetting> given, SettingsReader read,
                  LogLevelControl& log_level, Logger logger);
  SettingsInForce(const SettingsInForce&) = delete;
  SettingsInForce& operator=(const SettingsInForce&) = delete;

  // Reads the settings again. log_level is in force then, whatever an operator has set meanwhile; the log names the
  // others that differ and says that they wait for a restart. Settings that cannot be read change nothing but the log.
  void Reload();

  // In the order of SettingsOf().
  std::vector<SettingInUse> List() const;

 private:
  // Takes over what needs no restart; returns the keys of what differs and does.
  std::vector<std::string> TakeOver(const std::vector<EffectiveSetting>& read);

  const ServerConfig config_;
  const SettingsReader read_;
  LogLevelControl& log_level_;
  const Logger logger_;

  mutable Mutex mu_;
  std::vector<EffectiveSetting> given_ ABSL_GUARDED_BY(mu_);
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_RUNTIME_SETTINGS_IN_FORCE_H_
