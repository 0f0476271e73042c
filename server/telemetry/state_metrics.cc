#include "server/telemetry/state_metrics.h"

#include "server/telemetry/metric_family.h"

namespace bayespfl::server {

std::vector<prometheus::MetricFamily> StateMetrics::Collect() const {
  using prometheus::MetricType;
  prometheus::MetricFamily ready = NewFamily("bayespfl_ready", "1: work should come in.", MetricType::Gauge);
  prometheus::MetricFamily draining =
      NewFamily("bayespfl_draining", "1: no new work is taken, what was accepted is answered.", MetricType::Gauge);
  prometheus::MetricFamily since =
      NewFamily("bayespfl_draining_since_timestamp_seconds",
                "When the drain began, in seconds since the Unix epoch; none while there is none.", MetricType::Gauge);
  prometheus::MetricFamily connections =
      NewFamily("bayespfl_connections_open", "Connections to the inspection's port.", MetricType::Gauge);
  prometheus::MetricFamily calls = NewFamily("bayespfl_connection_calls_open",
                                             "Calls on the connection that has most of them open.", MetricType::Gauge);
  prometheus::MetricFamily unheard =
      NewFamily("bayespfl_grpc_unheard_calls_total", "Calls that gRPC refused before a service heard of them.",
                MetricType::Counter);
  prometheus::MetricFamily incoming =
      NewFamily("bayespfl_incoming_bytes",
                "What clients of the inspection's port have sent and no service has got yet.", MetricType::Gauge);
  prometheus::MetricFamily log_queue =
      NewFamily("bayespfl_log_queue_bytes", "Lines of the log that are not written yet.", MetricType::Gauge);
  prometheus::MetricFamily dropped =
      NewFamily("bayespfl_log_lines_dropped_total", "Lines of the log that were dropped.", MetricType::Counter);
  const std::optional<absl::Time> began = probes_.draining_since();
  AddValue({}, probes_.ready() ? 1 : 0, ready);
  AddValue({}, began.has_value() ? 1 : 0, draining);
  if (began.has_value()) AddValue({}, absl::ToDoubleSeconds(*began - absl::UnixEpoch()), since);
  AddValue({}, static_cast<double>(probes_.connections()), connections);
  const CallCounts counts = probes_.calls();
  AddValue({}, static_cast<double>(counts.most_open), calls);
  AddValue({}, static_cast<double>(counts.unheard), unheard);
  AddValue({}, static_cast<double>(probes_.incoming_bytes()), incoming);
  AddValue({}, static_cast<double>(probes_.log_queue_bytes()), log_queue);
  AddValue({}, static_cast<double>(probes_.log_lines_dropped()), dropped);
  return WithSeries({ready, draining, since, connections, calls, unheard, incoming, log_queue, dropped});
}

}  // namespace bayespfl::server
