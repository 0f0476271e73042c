// ServerAdminService (proto/bayespfl/admin/v1/server_admin.proto): log level, drain and effective configuration.
#ifndef BAYESPFL_SERVER_API_SERVER_ADMIN_METHODS_H_
#define BAYESPFL_SERVER_API_SERVER_ADMIN_METHODS_H_

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/api/admin_service.h"
#include "server/pipeline/server_state.h"
#include "server/runtime/setting_table.h"
#include "server/security/port_security.h"
#include "server/telemetry/log_level_control.h"

namespace bayespfl::server {

// The longest that a log level may be set for.
inline constexpr absl::Duration kLongestLogLevel = absl::Hours(7 * 24);

struct DrainProgress {
  LifePhase phase = LifePhase::kLoading;
  int frames_in_flight = 0;  // accepted and not answered
  size_t streams_open = 0;
  int calls_open = 0;  // streams, and other calls with frames
};

struct SettingInUse {
  EffectiveSetting given;
  std::string in_use;  // what stands for a value that leaves the choice to the server; else the same value
};

struct ModelDigest {
  std::string name;
  std::string digest;
};

struct EffectiveConfiguration {
  std::string server_version;
  std::string config_file;  // empty: none
  std::vector<SettingInUse> settings;
  std::vector<ModelDigest> models;  // that serve, by name
  SecurityFiles security;
};

// The server, as its administration sees it. All must be given, are quick, and may be called by several threads at
// once.
struct ServerControl {
  std::function<LogLevelControl::State()> log_level;
  std::function<LogLevelControl::State(std::optional<LogLevel> level,
                                       std::optional<std::chrono::milliseconds> duration)>
      set_log_level;
  std::function<absl::StatusOr<DrainProgress>()> drain;  // begins one, if none has begun
  std::function<EffectiveConfiguration()> configuration;
};

std::vector<AdminMethod> ServerAdminMethods(ServerControl control);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_API_SERVER_ADMIN_METHODS_H_
