#include "server/runtime/config.h"

#include <yaml-cpp/yaml.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <limits>
#include <set>
#include <sstream>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "server/security/token_store.h"

namespace bayespfl::server {
namespace {

constexpr int64_t kMaxInt = std::numeric_limits<int>::max();
constexpr int64_t kMaxImageBytes = int64_t{1} << 30;  // with 1 MiB more it still fits gRPC's and Protobuf's 2 GiB
constexpr int kMaxPort = 65535;

// One key of the file and flag of the command line. Numbers have a range, both ends included.
struct Setting {
  const char* key;
  std::variant<std::string ServerConfig::*, int ServerConfig::*, int64_t ServerConfig::*, bool ServerConfig::*> field;
  int64_t smallest;
  int64_t largest;
  const char* help;
};

const std::array<Setting, 35>& Settings() {
  static const std::array<Setting, 35> settings = {{
      {"model", &ServerConfig::model, 0, 0, "folder of the model package"},
      {"model_root", &ServerConfig::model_root, 0, 0, "folder of packages that may be loaded by name"},
      {"models", &ServerConfig::models, 0, 0, "packages of model_root to load first, separated by commas"},
      {"default_model", &ServerConfig::default_model, 0, 0, "model of requests that name none"},
      {"calibration", &ServerConfig::calibration, 0, 0, "calibration file instead of the package's own"},
      {"host", &ServerConfig::host, 0, 0, "address to listen on"},
      {"port", &ServerConfig::port, 0, kMaxPort, "gRPC port; 0 picks a free one"},
      {"http_host", &ServerConfig::http_host, 0, 0, "address of the HTTP port; empty: as host"},
      {"http_port", &ServerConfig::http_port, 0, kMaxPort, "port of metrics and probes; 0 picks a free one"},
      {"device", &ServerConfig::device, 0, 0, "auto, cpu or cuda:N; several separated by commas"},
      {"replicas", &ServerConfig::replicas, 1, 64, "replicas of the model on each device"},
      {"compute_threads", &ServerConfig::compute_threads, 0, 1024, "threads of one replica on the CPU; 0: automatic"},
      {"max_image_bytes", &ServerConfig::max_image_bytes, 1, kMaxImageBytes, "largest picture in bytes"},
      {"max_image_pixels", &ServerConfig::max_image_pixels, 1, int64_t{1} << 34, "largest picture in pixels"},
      {"max_frames_in_flight", &ServerConfig::max_frames_in_flight, 1, 65536, "frames inside; more are refused"},
      {"max_bytes_in_flight", &ServerConfig::max_bytes_in_flight, 1, int64_t{1} << 40, "bytes of pictures inside"},
      {"max_decoded_bytes", &ServerConfig::max_decoded_bytes, 1, int64_t{1} << 40, "decoded bytes before the model"},
      {"max_streams", &ServerConfig::max_streams, 1, 65536, "open streams; more are refused"},
      {"max_stream_age_seconds", &ServerConfig::max_stream_age_seconds, 0, int64_t{86400} * 30,
       "then a stream is ended; 0: never"},
      {"max_streams_per_client", &ServerConfig::max_streams_per_client, 0, 65536, "open streams of one client; 0: any"},
      {"max_frames_per_second_per_client", &ServerConfig::max_frames_per_second_per_client, 0, 1'000'000,
       "frames a second of one client; 0: any"},
      {"tls_certificate", &ServerConfig::tls_certificate, 0, 0, "PEM certificate chain of the gRPC port"},
      {"tls_key", &ServerConfig::tls_key, 0, 0, "PEM private key of tls_certificate"},
      {"tls_client_ca", &ServerConfig::tls_client_ca, 0, 0, "PEM authorities whose certificates clients must have"},
      {"tokens_file", &ServerConfig::tokens_file, 0, 0, "YAML list of bearer tokens; set: calls need one"},
      {"allow_plaintext_tokens", &ServerConfig::allow_plaintext_tokens, 0, 1,
       "true: take tokens without TLS from other machines"},
      {"security_reload_seconds", &ServerConfig::security_reload_seconds, 1, 3600,
       "how often certificates and tokens_file are looked at"},
      {"max_frames_per_stream", &ServerConfig::max_frames_per_stream, 1, 4096, "frames of one stream inside"},
      {"max_batch", &ServerConfig::max_batch, 1, 1024, "frames in one call of the model"},
      {"max_delay_milliseconds", &ServerConfig::max_delay_milliseconds, 0, 60000, "wait of a busy replica for a batch"},
      {"decode_threads", &ServerConfig::decode_threads, 0, 1024, "threads that decode pictures; 0: automatic"},
      {"render_threads", &ServerConfig::render_threads, 0, 1024, "threads that encode maps and masks; 0: automatic"},
      {"drain_timeout_seconds", &ServerConfig::drain_timeout_seconds, 0, 86400, "how long a stop waits for frames"},
      {"inject_faults", &ServerConfig::inject_faults, 0, 0, "faults on purpose, for trials: device_error:N and others"},
      {"log_level", &ServerConfig::log_level, 0, 0, "debug, info, warning, error or off"},
  }};
  static_assert(kMaxImageBytes < kMaxInt);
  return settings;
}

absl::Status Apply(const Setting& setting, const std::string& text, ServerConfig& config) {
  if (const auto* member = std::get_if<std::string ServerConfig::*>(&setting.field)) {
    config.*(*member) = text;
    return absl::OkStatus();
  }
  if (const auto* flag = std::get_if<bool ServerConfig::*>(&setting.field)) {
    if (text != "true" && text != "false") {
      return absl::InvalidArgumentError(absl::StrCat(setting.key, " is '", text, "'; expected true or false"));
    }
    config.*(*flag) = text == "true";
    return absl::OkStatus();
  }
  int64_t value = 0;
  if (!absl::SimpleAtoi(text, &value) || value < setting.smallest || value > setting.largest) {
    return absl::InvalidArgumentError(absl::StrCat(setting.key, " is '", text, "'; expected a whole number from ",
                                                   setting.smallest, " to ", setting.largest));
  }
  if (const auto* small = std::get_if<int ServerConfig::*>(&setting.field)) {
    config.*(*small) = static_cast<int>(value);
  } else {
    config.*std::get<int64_t ServerConfig::*>(setting.field) = value;
  }
  return absl::OkStatus();
}

std::string FlagName(const Setting& setting) {
  return absl::StrCat("--", absl::StrReplaceAll(setting.key, {{"_", "-"}}));
}

absl::Status ApplyNode(const YAML::Node& root, ServerConfig& config) {
  if (root.IsNull()) return absl::OkStatus();  // an empty file
  if (!root.IsMap()) return absl::InvalidArgumentError("expected a mapping of keys to values");
  std::set<std::string> seen;
  for (const auto& entry : root) {
    const auto key = entry.first.as<std::string>();
    const auto* setting = std::find_if(Settings().begin(), Settings().end(),
                                       [&key](const Setting& candidate) { return key == candidate.key; });
    if (setting == Settings().end()) return absl::InvalidArgumentError(absl::StrCat("unknown key '", key, "'"));
    if (!seen.insert(key).second) return absl::InvalidArgumentError(absl::StrCat("the key '", key, "' is repeated"));
    if (!entry.second.IsScalar()) return absl::InvalidArgumentError(absl::StrCat(key, " is not a single value"));
    const absl::Status applied = Apply(*setting, entry.second.Scalar(), config);
    if (!applied.ok()) return applied;
  }
  return absl::OkStatus();
}

absl::Status ApplyFile(const std::string& path, ServerConfig& config) {
  std::ifstream file(path);
  if (!file) return absl::NotFoundError(absl::StrCat("cannot read the configuration file ", path));
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const absl::Status applied = ApplyYaml(text, config);
  return applied.ok() ? applied : absl::Status(applied.code(), absl::StrCat(path, ": ", applied.message()));
}

// What --new-token prints.
absl::StatusOr<std::string> NewTokenText(const std::string& name, const std::string& role_name) {
  const absl::StatusOr<Role> role = ParseRole(role_name);
  if (!role.ok()) return role.status();
  const absl::StatusOr<NewToken> made = MakeToken(name, *role);
  if (!made.ok()) return made.status();
  return absl::StrCat("token, shown only now: ", made->token, "\nline for tokens_file: ", made->entry, "\n");
}

}  // namespace

absl::Status ApplyYaml(const std::string& text, ServerConfig& config) {
  try {
    return ApplyNode(YAML::Load(text), config);
  } catch (const YAML::Exception& error) {  // yaml-cpp has no other way to report
    return absl::InvalidArgumentError(error.what());
  }
}

std::vector<std::string> Devices(const ServerConfig& config) {
  return absl::StrSplit(config.device, ',', absl::SkipWhitespace());
}

ServerConfig WithThreads(ServerConfig config, int cpus) {
  const int half = std::max(1, cpus / 2);
  if (config.decode_threads == 0) config.decode_threads = half;
  if (config.render_threads == 0) config.render_threads = half;
  if (config.compute_threads == 0) config.compute_threads = std::max(1, cpus / std::max(1, config.replicas));
  return config;
}

absl::StatusOr<CommandLine> ParseCommandLine(int argc, const char* const* argv) {
  CLI::App app("Inspects pictures with a Bayes-PFL model and serves the results over gRPC.", "bayespfl-server");
  CommandLine command_line;
  std::string config_file;
  app.add_option("--config", config_file, "YAML file with the same settings; flags win")->type_name("FILE");
  app.set_version_flag("--version", std::string("bayespfl-server " BAYESPFL_VERSION));
  std::string token_name;
  std::string token_role(RoleName(Role::kInspect));
  auto* new_token =
      app.add_option("--new-token", token_name, "print a new token and its line of tokens_file, and exit");
  app.add_option("--token-role", token_role, "role of --new-token: inspect or admin")->needs(new_token);
  std::vector<std::string> values(Settings().size());
  std::vector<CLI::Option*> options;
  for (size_t i = 0; i < Settings().size(); ++i) {
    options.push_back(app.add_option(FlagName(Settings()[i]), values[i], Settings()[i].help));
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {  // CLI11 has no other way to report, --help and --version included
    if (error.get_exit_code() != 0) return absl::InvalidArgumentError(error.what());
    std::ostringstream text;
    app.exit(error, text, text);
    command_line.text = text.str();
    return command_line;
  }
  if (new_token->count() > 0) {
    absl::StatusOr<std::string> text = NewTokenText(token_name, token_role);
    if (!text.ok()) return text.status();
    command_line.text = *std::move(text);
    return command_line;
  }
  absl::Status status = config_file.empty() ? absl::OkStatus() : ApplyFile(config_file, command_line.config);
  for (size_t i = 0; i < options.size() && status.ok(); ++i) {
    if (options[i]->count() > 0) status = Apply(Settings()[i], values[i], command_line.config);
  }
  if (!status.ok()) return status;
  if (command_line.config.model.empty() && command_line.config.models.empty()) {
    return absl::InvalidArgumentError(
        "no model given; use --model DIR, or --model-root DIR with --models NAME, or these keys of the configuration "
        "file");
  }
  if (Devices(command_line.config).empty()) return absl::InvalidArgumentError("device is empty");
  return command_line;
}

}  // namespace bayespfl::server
