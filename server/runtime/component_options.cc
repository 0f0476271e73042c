#include "server/runtime/component_options.h"

#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/loopback_host.h"
#include "model/detection/device_memory.h"
#include "model/package/precision.h"
#include "server/api/method_names.h"
#include "server/pipeline/frame_flow.h"
#include "server/runtime/load_replicas.h"
#include "server/runtime/memory.h"
#include "server/telemetry/metric_category.h"

namespace bayespfl::server {
namespace {

// `name` is one of the setting's choices.
FsyncPolicy FsyncPolicyOf(absl::string_view name) {
  if (name == "never") return FsyncPolicy::kNever;
  return name == "always" ? FsyncPolicy::kAlways : FsyncPolicy::kInterval;
}

}  // namespace

std::string JoinHostPort(const std::string& host, int port) {
  const absl::string_view bare = WithoutBrackets(host);
  return absl::StrContains(bare, ':') ? absl::StrCat("[", bare, "]:", port) : absl::StrCat(bare, ":", port);
}

int64_t MaxMessageBytes(const ServerConfig& config) {
  constexpr int64_t kAroundThePicture = int64_t{1} << 20;
  return config.max_image_bytes + kAroundThePicture;
}

std::chrono::seconds LongestStop(const ServerConfig& config) {
  constexpr std::chrono::seconds kGrace(3);
  const auto traces = config.otlp_endpoint.empty() ? std::chrono::seconds(0) : kGrace;
  return std::chrono::seconds(config.drain_delay_seconds) + std::chrono::seconds(config.drain_timeout_seconds) +
         kGrace + traces;
}

const std::string& HttpHost(const ServerConfig& config) {
  return config.http_host.empty() ? config.host : config.http_host;
}

PipelineOptions PipelineOptionsOf(const ServerConfig& config) {
  return {.image_limits = {.max_bytes = config.max_image_bytes, .max_pixels = config.max_image_pixels},
          .max_frames_in_flight = config.max_frames_in_flight,
          .max_bytes_in_flight = config.max_bytes_in_flight,
          .max_frames_in_flight_per_client = config.max_frames_in_flight_per_client,
          .max_bytes_in_flight_per_client = config.max_bytes_in_flight_per_client,
          .max_frames_waiting = config.max_streams,  // each stream reads on when its frame has come in
          .max_decoded_bytes = config.max_decoded_bytes,
          .max_working_bytes = config.max_working_bytes,
          .max_batch = config.max_batch,
          .max_delay = std::chrono::milliseconds(config.max_delay_milliseconds),
          .max_batch_time = std::chrono::seconds(config.max_batch_seconds),
          .replicas = static_cast<int>(Devices(config).size()) * config.replicas,
          .decode_threads = config.decode_threads,
          .render_threads = config.render_threads,
          .server_version = BAYESPFL_VERSION};
}

CallOptions CallOptionsOf(const ServerConfig& config) {
  CallOptions options;
  options.max_frames_per_stream = config.max_frames_per_stream;
  options.max_streams = config.max_streams;
  options.max_stream_age = absl::Seconds(config.max_stream_age_seconds);
  options.max_reply_bytes = static_cast<size_t>(config.max_reply_bytes);
  options.max_unsent_bytes = config.max_unsent_bytes;
  options.timelines = !config.otlp_endpoint.empty();
  return options;
}

ConnectionOptions ConnectionOptionsOf(const ServerConfig& config) {
  return {.max_connections = static_cast<size_t>(config.max_connections),
          .max_calls = config.max_calls_per_connection,
          .max_incoming_bytes = config.max_incoming_bytes,
          .keepalive_time = std::chrono::seconds(config.keepalive_time_seconds),
          .keepalive_timeout = std::chrono::seconds(config.keepalive_timeout_seconds),
          .min_ping_interval = std::chrono::seconds(config.min_ping_interval_seconds),
          .max_age = std::chrono::seconds(config.max_connection_age_seconds),
          .max_grace = std::chrono::seconds(config.max_connection_grace_seconds)};
}

PortSecurityOptions SecurityOptionsOf(const ServerConfig& config) {
  return {.host = config.host,
          .tls = {.tls_certificate = config.tls_certificate,
                  .tls_key = config.tls_key,
                  .tls_client_ca = config.tls_client_ca},
          .tokens_file = config.tokens_file,
          .allow_plaintext_tokens = config.allow_plaintext_tokens,
          .reload_interval = std::chrono::seconds(config.security_reload_seconds),
          .limits = {.max_streams = config.max_streams_per_client,
                     .max_frames_per_second = config.max_frames_per_second_per_client}};
}

ResultSinkOptions ResultSinkOptionsOf(const ServerConfig& config) {
  ResultSinkOptions options;
  options.file = {
      .path = config.result_log, .max_bytes = config.result_log_max_bytes, .files = config.result_log_files};
  options.fsync = FsyncPolicyOf(config.result_log_fsync);
  options.error_lines.max_lines = config.log_max_repeats;
  return options;
}

ModelStoreOptions ModelStoreOptionsOf(const ServerConfig& config) {
  ModelStoreOptions options;
  options.model = config.model;
  options.model_root = config.model_root;
  options.models = Models(config);
  options.default_model = config.default_model;
  options.max_batch = config.max_batch;
  return options;
}

TracingOptions TracingOptionsOf(const ServerConfig& config) {
  TracingOptions options;
  options.settings = OtlpSettingsOf(config);
  options.service_name = config.trace_service_name;
  options.version = BAYESPFL_VERSION;
  options.tracer.sampler = {.ratio = config.trace_sample_ratio,
                            .slow = std::chrono::milliseconds(config.trace_slow_frame_milliseconds),
                            .max_per_second = config.trace_max_per_second};
  options.tracer.exporter.error_lines.max_lines = config.log_max_repeats;
  options.tracer.names.service_of = [services = ServicesByMethod()](absl::string_view method) {
    const auto found = services.find(method);
    return found == services.end() ? std::string() : found->second;
  };
  // Checked by CheckConfig(), and by MetricsOptionsOf() before.
  absl::StatusOr<std::vector<std::string>> listed = ParseMetricCategories(config.metric_categories);
  const MetricCategories categories(listed.ok() ? *std::move(listed) : std::vector<std::string>());
  options.tracer.names.category_of = [categories](absl::string_view category) {
    return categories.labels()[categories.IndexOf(category)];
  };
  return options;
}

MetricLimits LimitsOf(const ServerConfig& config) {
  const PipelineOptions pipeline = PipelineOptionsOf(config);
  MetricLimits limits;
  limits.frames_in_flight = config.max_frames_in_flight;
  limits.bytes_in_flight = config.max_bytes_in_flight;
  limits.working_bytes = config.max_working_bytes;
  limits.streams_open = config.max_streams;
  for (const PipelineQueue queue :
       {PipelineQueue::kAdmission, PipelineQueue::kDecode, PipelineQueue::kExecute, PipelineQueue::kRender}) {
    limits.queue_depth.at(static_cast<size_t>(queue)) = static_cast<int64_t>(MaxWaiting(queue, pipeline));
  }
  limits.queue_bytes.fill(config.max_decoded_bytes);
  limits.queue_bytes.at(static_cast<size_t>(PipelineQueue::kAdmission)) = config.max_bytes_in_flight;
  limits.unsent_reply_bytes = config.max_unsent_bytes;
  limits.connections_open = config.max_connections;
  limits.connection_calls_open = config.max_calls_per_connection;
  limits.incoming_bytes = config.max_incoming_bytes;
  limits.client_streams_open = config.max_streams_per_client;
  limits.client_frames_in_flight = config.max_frames_in_flight_per_client;
  limits.client_bytes_in_flight = config.max_bytes_in_flight_per_client;
  limits.client_frames_per_second = config.max_frames_per_second_per_client;
  limits.log_queue_bytes = static_cast<int64_t>(LogOptions().max_queue_bytes);
  limits.batch_size = config.max_batch;
  limits.replica_busy_seconds = config.max_batch_seconds;
  limits.result_log_queue_bytes = static_cast<int64_t>(ResultSinkOptions().max_queue_bytes);
  return limits;
}

absl::StatusOr<MetricsOptions> MetricsOptionsOf(const ServerConfig& config) {
  absl::StatusOr<std::vector<std::string>> categories = ParseMetricCategories(config.metric_categories);
  if (!categories.ok()) return categories.status();
  MetricsOptions options;
  options.server_version = BAYESPFL_VERSION;
  options.methods = InspectionMethods();
  if (config.admin_port >= 0) {
    const std::vector<std::string> more = AdminMethods();
    options.methods.insert(options.methods.end(), more.begin(), more.end());
  }
  options.categories = *std::move(categories);
  options.limits = LimitsOf(config);
  if (const char* visible = std::getenv("CUDA_VISIBLE_DEVICES")) options.visible_devices = visible;
  return options;
}

absl::StatusOr<std::shared_ptr<FaultInjector>> FaultsOf(const ServerConfig& config, Metrics& metrics, Log& log) {
  if (config.inject_faults.empty()) return std::shared_ptr<FaultInjector>();
  absl::StatusOr<std::shared_ptr<FaultInjector>> faults =
      FaultInjector::Create(config.inject_faults, [&metrics](Fault fault) { metrics.CountFault(fault); });
  if (faults.ok()) log.Warning("faults are injected on purpose", {{"faults", config.inject_faults}});
  return faults;
}

ModelLoader LoaderOf(const ServerConfig& config, const std::filesystem::path& root, const Logger& log) {
  return [config, root, log](const std::string& folder) -> absl::StatusOr<Replicas> {
    const absl::StatusOr<std::optional<Precision>> precision = ParsePrecisionChoice(config.precision);
    if (!precision.ok()) return precision.status();
    const auto fits = [folder, root, precision = *precision](const std::vector<std::string>& devices) {
      return CheckMemory(folder, precision, devices, AvailableMemory(root), FreeDeviceMemory);
    };
    const std::vector<std::string> devices = Devices(config);
    if (absl::Status too_large = fits(devices); !too_large.ok()) return too_large;
    const DetectorOptions options = {.calibration_file = folder == config.model ? config.calibration : std::string(),
                                     .kernels = config.kernels,
                                     .precision = *precision,
                                     .recorded_batches = static_cast<size_t>(config.cuda_graphs),
                                     .notice = [folder, log](const std::string& sentence) {
                                       if (log == nullptr) return;
                                       log->Warning("no CUDA graphs", {{"what", folder}, {"error", sentence}});
                                     }};
    return LoadReplicas(folder, options, devices, config.replicas,
                        [fits](const std::string& device) { return fits({device}); });
  };
}

}  // namespace bayespfl::server
