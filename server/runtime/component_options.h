// From the configuration to the options of each of the server's parts.
#ifndef BAYESPFL_SERVER_RUNTIME_COMPONENT_OPTIONS_H_
#define BAYESPFL_SERVER_RUNTIME_COMPONENT_OPTIONS_H_

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/api/call_registry.h"
#include "server/models/model_store.h"
#include "server/pipeline/fault_injector.h"
#include "server/pipeline/pipeline.h"
#include "server/runtime/config.h"
#include "server/runtime/connection_options.h"
#include "server/security/port_security.h"
#include "server/telemetry/log.h"
#include "server/telemetry/metrics.h"
#include "server/telemetry/result_sink.h"
#include "server/telemetry/tracer.h"

namespace bayespfl::server {

// "127.0.0.1:50051", "[::1]:50051".
std::string JoinHostPort(const std::string& host, int port);

// Of one message to the gRPC port: the largest picture, and what stands around it.
int64_t MaxMessageBytes(const ServerConfig& config);

// The longest that a stop may take: drain_delay_seconds, drain_timeout_seconds, three seconds in which cancelled calls
// end and threads are joined, and as many for the last traces where there are any.
std::chrono::seconds LongestStop(const ServerConfig& config);

// Where the HTTP port binds.
const std::string& HttpHost(const ServerConfig& config);

// What the configuration says; the functions that they call are the caller's to set.
PipelineOptions PipelineOptionsOf(const ServerConfig& config);
CallOptions CallOptionsOf(const ServerConfig& config);
ConnectionOptions ConnectionOptionsOf(const ServerConfig& config);
PortSecurityOptions SecurityOptionsOf(const ServerConfig& config);
ResultSinkOptions ResultSinkOptionsOf(const ServerConfig& config);
ModelStoreOptions ModelStoreOptionsOf(const ServerConfig& config);
TracingOptions TracingOptionsOf(const ServerConfig& config);  // requires otlp_endpoint

// The limits that metrics show beside what is used of them.
MetricLimits LimitsOf(const ServerConfig& config);

// Also what the environment says about devices. InvalidArgument: metric_categories.
absl::StatusOr<MetricsOptions> MetricsOptionsOf(const ServerConfig& config);

// The faults on purpose, counted by `metrics`, which outlives them; the log is warned of them. Null: none are
// configured. InvalidArgument: inject_faults.
absl::StatusOr<std::shared_ptr<FaultInjector>> FaultsOf(const ServerConfig& config, Metrics& metrics, Log& log);

// Loads packages onto the configured devices, when there is memory for them. The calibration file belongs to the
// package that is configured with it. `root` stands in for "/" in tests, as it does for AvailableMemory().
// `log`, which may be null, is warned when a GPU's batches should be recorded and are not, or are not any more.
ModelLoader LoaderOf(const ServerConfig& config, const std::filesystem::path& root = "/", const Logger& log = nullptr);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_RUNTIME_COMPONENT_OPTIONS_H_
