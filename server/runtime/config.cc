#include "server/runtime/config.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "base/loopback_host.h"
#include "server/pipeline/fault_injector.h"
#include "server/pipeline/served_model.h"
#include "server/security/port_settings.h"
#include "server/telemetry/metric_category.h"

namespace bayespfl::server {
namespace {

// The words between commas, without the spaces around them.
std::vector<std::string> SplitList(absl::string_view list) {
  std::vector<std::string> words = absl::StrSplit(list, ',', absl::SkipWhitespace());
  for (std::string& word : words) absl::StripAsciiWhitespace(&word);
  return words;
}

// Of each device there is one name: "cuda:00" is none.
bool IsDevice(absl::string_view name) {
  if (name == "auto" || name == "cpu") return true;
  int ordinal = 0;
  return absl::ConsumePrefix(&name, "cuda:") && absl::SimpleAtoi(name, &ordinal) && ordinal >= 0 &&
         name == absl::StrCat(ordinal);
}

bool ComputesOnGpu(const ServerConfig& config, const Machine& machine) {
  const std::vector<std::string> devices = Devices(config);
  return std::any_of(devices.begin(), devices.end(), [&machine](const std::string& device) {
    return device == "auto" ? machine.gpu_usable : device != "cpu";
  });
}

absl::Status CheckDevices(const ServerConfig& config) {
  std::vector<std::string> devices = Devices(config);
  if (devices.empty()) return absl::InvalidArgumentError("device is empty");
  for (const std::string& device : devices) {
    if (!IsDevice(device)) {
      return absl::InvalidArgumentError(
          absl::StrCat("device names '", device, "'; expected auto, cpu or cuda:N, several separated by commas"));
    }
  }
  // It may stand for any of the others, whose memory would then be given out twice.
  if (devices.size() > 1 && std::find(devices.begin(), devices.end(), "auto") != devices.end()) {
    return absl::InvalidArgumentError(
        absl::StrCat("device = ", config.device, ": auto stands alone; name the devices instead"));
  }
  std::sort(devices.begin(), devices.end());
  const auto twice = std::adjacent_find(devices.begin(), devices.end());
  if (twice == devices.end()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("device names ", *twice, " twice; replicas = ", 2 * config.replicas, " does what that would"));
}

// What a package says of itself is seen when it is loaded, and so is what `auto` is.
absl::Status CheckPrecision(const ServerConfig& config) {
  const bool is_int8 = config.precision == "int8";
  if (!is_int8 && config.precision != "fp16") return absl::OkStatus();
  for (const std::string& device : Devices(config)) {
    if (device == "auto" || (device == "cpu") == is_int8) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("precision is ", config.precision, " and device names ", device, ": ", config.precision,
                     " is computed on ", is_int8 ? "the CPU" : "a GPU",
                     " alone; set precision to bf16 or fp32, or device to ", is_int8 ? "cpu" : "cuda:0"));
  }
  return absl::OkStatus();
}

// A limit that another one keeps from ever being reached.
absl::Status CheckOrder(absl::string_view smaller, int64_t value, absl::string_view larger, int64_t limit) {
  if (value <= limit) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(smaller, " = ", value, " can never be reached: ", larger, " = ", limit));
}

// A connection of its full age takes no new calls and lives for the grace; the streams on it must have ended by
// themselves before that, or they would be cut, and frames that were read would stay without an answer. The youngest of
// them lives for 1.1 × max_stream_age_seconds; then it answers what it has read, for which a stop, too, allows
// drain_timeout_seconds.
absl::Status CheckConnections(const ServerConfig& config) {
  if (config.max_connection_age_seconds == 0) return absl::OkStatus();
  if (config.max_stream_age_seconds == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("max_connection_age_seconds = ", config.max_connection_age_seconds,
                     " would cut streams: max_stream_age_seconds = 0 lets them go on for ever"));
  }
  const int64_t oldest = (int64_t{config.max_stream_age_seconds} * 11 + 9) / 10;
  const int64_t needed = oldest + config.drain_timeout_seconds;
  if (config.max_connection_grace_seconds >= needed) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "max_connection_grace_seconds = ", config.max_connection_grace_seconds, " would cut streams, which take up to ",
      needed, " s to end: ", oldest, " s (1.1 × max_stream_age_seconds = ", config.max_stream_age_seconds,
      ") and drain_timeout_seconds = ", config.drain_timeout_seconds, " for the frames already read"));
}

absl::Status CheckHost(absl::string_view setting, const std::string& host) {
  if (host.empty()) return absl::InvalidArgumentError(absl::StrCat(setting, " is empty"));
  if (IsHost(host)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(setting, " is ", host,
                   ", which is neither a name nor an address, such as 127.0.0.1, ::1 or [::1]; ports are "
                   "settings of their own"));
}

// Of the port that binds to `host`.
absl::Status CheckSecurity(const ServerConfig& config, const std::string& host) {
  return CheckPortSettings({.host = host,
                            .tls = {.tls_certificate = config.tls_certificate,
                                    .tls_key = config.tls_key,
                                    .tls_client_ca = config.tls_client_ca},
                            .tokens_file = config.tokens_file,
                            .allow_plaintext_tokens = config.allow_plaintext_tokens});
}

// Whoever may change models may do anything to the line: other machines need a token for it.
absl::Status CheckAdmin(const ServerConfig& config) {
  if (config.admin_port < 0) return absl::OkStatus();
  if (absl::Status host = CheckHost("admin_host", config.admin_host); !host.ok()) return host;
  if (config.admin_port != 0 && (config.admin_port == config.port || config.admin_port == config.http_port)) {
    return absl::InvalidArgumentError(absl::StrCat("admin_port is ", config.admin_port, ", as another port is"));
  }
  if (!config.tokens_file.empty() || IsLoopbackHost(config.admin_host)) return CheckSecurity(config, config.admin_host);
  return absl::InvalidArgumentError(
      absl::StrCat("admin_host is ", config.admin_host, ", which other machines can reach: tokens_file must be set"));
}

absl::Status CheckFaults(const ServerConfig& config) {
  if (config.inject_faults.empty()) return absl::OkStatus();
  const absl::Status parsed = FaultInjector::Create(config.inject_faults, nullptr).status();
  return parsed.ok() ? parsed : absl::Status(parsed.code(), absl::StrCat("inject_faults: ", parsed.message()));
}

absl::Status CheckModels(const ServerConfig& config) {
  if (config.model.empty() && config.models.empty()) {
    return absl::InvalidArgumentError(
        "no model given; use --model DIR, BAYESPFL_MODEL, or the key 'model' of the configuration file (or model_root "
        "with models)");
  }
  if (!config.models.empty() && config.model_root.empty()) {
    return absl::InvalidArgumentError("models names packages of model_root, which is empty");
  }
  const std::vector<std::string> first = Models(config);
  for (const std::string& name : first) {
    const absl::Status valid = CheckModelName(name);
    if (!valid.ok()) return absl::InvalidArgumentError(absl::StrCat("models names '", name, "': ", valid.message()));
  }
  if (config.model.empty() && !config.default_model.empty() &&
      std::find(first.begin(), first.end(), config.default_model) == first.end()) {
    return absl::InvalidArgumentError(
        absl::StrCat("default_model is '", config.default_model, "', which is none of models = ", config.models));
  }
  if (!config.calibration.empty() && config.model.empty()) {
    return absl::InvalidArgumentError("calibration belongs to model, which is empty");
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<Setting> SettingsOf(ServerConfig& config) {
  std::vector<Setting> settings;
  absl::string_view section;
#define SECTION(title) section = title;
#define TEXT(key, default_value, kind, help) \
  settings.push_back({section, #key, help, TextSetting{&config.key, TextKind::kind}});
#define CHOICE(key, default_value, help, ...) \
  settings.push_back({section, #key, help, ChoiceSetting{&config.key, {__VA_ARGS__}}});
#define BOOLEAN(key, default_value, help) settings.push_back({section, #key, help, BooleanSetting{&config.key}});
#define INTEGER(type, key, default_value, smallest, largest, help) \
  settings.push_back({section, #key, help, IntegerSetting{&config.key, smallest, largest}});
#define REAL(key, default_value, smallest, largest, help) \
  settings.push_back({section, #key, help, RealSetting{&config.key, smallest, largest}});
#include "server/runtime/settings.def"
  return settings;
}

std::vector<std::string> Devices(const ServerConfig& config) { return SplitList(config.device); }

std::vector<std::string> Models(const ServerConfig& config) { return SplitList(config.models); }

OtlpSettings OtlpSettingsOf(const ServerConfig& config) {
  return {.endpoint = config.otlp_endpoint, .ca_file = config.otlp_ca_file, .headers_file = config.otlp_headers_file};
}

absl::Status CheckModelFolders(const ServerConfig& config) {
  for (const std::string& name : Models(config)) {
    std::error_code ignored;
    if (std::filesystem::is_directory(std::filesystem::path(config.model_root) / name, ignored)) continue;
    return absl::NotFoundError(
        absl::StrCat("models names '", name, "', which is no folder of model_root = ", config.model_root));
  }
  return absl::OkStatus();
}

absl::Status CheckConfig(const ServerConfig& config) {
  const absl::Status models = CheckModels(config);
  if (!models.ok()) return models;
  if (config.host.empty()) return absl::InvalidArgumentError("host is empty; 0.0.0.0 stands for every address");
  if (absl::Status host = CheckHost("host", config.host); !host.ok()) return host;
  if (!config.http_host.empty()) {
    if (absl::Status host = CheckHost("http_host", config.http_host); !host.ok()) return host;
  }
  if (config.port != 0 && config.port == config.http_port) {
    return absl::InvalidArgumentError(absl::StrCat("port and http_port are both ", config.port));
  }
  const std::array<absl::Status, 13> checks = {
      CheckAdmin(config),
      CheckFaults(config),
      CheckSecurity(config, config.host),
      CheckDevices(config),
      CheckPrecision(config),
      CheckConnections(config),
      CheckOrder("max_batch", config.max_batch, "max_frames_in_flight", config.max_frames_in_flight),
      CheckOrder("max_frames_per_stream", config.max_frames_per_stream, "max_frames_in_flight",
                 config.max_frames_in_flight),
      CheckOrder("max_image_bytes", config.max_image_bytes, "max_bytes_in_flight", config.max_bytes_in_flight),
      CheckOrder("max_image_bytes", config.max_image_bytes, "max_incoming_bytes", config.max_incoming_bytes),
      CheckOrder("max_reply_bytes", config.max_reply_bytes, "max_unsent_bytes", config.max_unsent_bytes),
      ParseMetricCategories(config.metric_categories).status(),
      CheckOtlpSettings(OtlpSettingsOf(config)),
  };
  absl::Status first;
  for (const absl::Status& check : checks) first.Update(check);
  return first;
}

ServerConfig ForMachine(ServerConfig config, const Machine& machine) {
  const int cpus = machine.cpus;
  const int half = std::max(1, cpus / 2);
  if (config.decode_threads == 0) config.decode_threads = half;
  if (config.render_threads == 0) config.render_threads = half;
  if (config.compute_threads == 0) config.compute_threads = std::max(1, cpus / std::max(1, config.replicas));
  // On processors one frame fills all threads: a batch only makes its first frame wait for its last.
  if (config.max_batch == 0) {
    config.max_batch = ComputesOnGpu(config, machine) ? std::min(4, config.max_frames_in_flight) : 1;
  }
  return config;
}

}  // namespace bayespfl::server
