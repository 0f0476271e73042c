// The server's settings, from a YAML file, the environment and the command line.
#ifndef BAYESPFL_SERVER_RUNTIME_CONFIG_H_
#define BAYESPFL_SERVER_RUNTIME_CONFIG_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "server/runtime/setting_table.h"
#include "server/telemetry/otlp_endpoint.h"

namespace bayespfl::server {

// One field for each line of settings.def, which says what it means and which values it may have; its name is the key
// of the YAML file and, with dashes for underscores, a flag.
struct ServerConfig {
#define TEXT(key, default_value, kind, help) std::string key{std::string_view(default_value)};
#define CHOICE(key, default_value, help, ...) std::string key{std::string_view(default_value)};
#define BOOLEAN(key, default_value, help) bool key = default_value;
#define INTEGER(type, key, default_value, smallest, largest, help) type key = default_value;
#define REAL(key, default_value, smallest, largest, help) double key = default_value;
#include "server/runtime/settings.def"

  friend bool operator==(const ServerConfig&, const ServerConfig&) = default;
};

// The settings bound to the fields of `config`, which outlives them.
std::vector<Setting> SettingsOf(ServerConfig& config);

// The devices of `config.device`, in order.
std::vector<std::string> Devices(const ServerConfig& config);

// The names in `config.models`, in order.
std::vector<std::string> Models(const ServerConfig& config);

// Where traces go.
OtlpSettings OtlpSettingsOf(const ServerConfig& config);

// What no setting can tell alone. InvalidArgument names the keys: no model, a name that is no device, two ports that
// are the same, a limit that another one keeps from ever being reached, a connection age that would cut streams,
// metric_categories that cannot be labels, names that no model can have, or what CheckPortSettings() says of a port and
// CheckOtlpSettings() of traces.
absl::Status CheckConfig(const ServerConfig& config);

// NotFound: one of Models() is no folder of model_root.
absl::Status CheckModelFolders(const ServerConfig& config);

struct Machine {
  int cpus = 1;             // processors at hand
  bool gpu_usable = false;  // what device `auto` goes by
};

// `config` with every 0 that means "by the machine" replaced.
ServerConfig ForMachine(ServerConfig config, const Machine& machine);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_RUNTIME_CONFIG_H_
