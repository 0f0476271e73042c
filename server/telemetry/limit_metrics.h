// The limits that the gauges of other metrics are to be seen beside; each has the name of its gauge and _limit.
//
//   bayespfl_frames_in_flight_limit         gauge
//   bayespfl_bytes_in_flight_limit          gauge
//   bayespfl_streams_open_limit             gauge
//   bayespfl_queue_depth_limit{queue}       gauge  admission, decode, execute, render
//   bayespfl_queue_bytes_limit{queue}       gauge  admission, execute, render
//   bayespfl_working_bytes_limit            gauge
//   bayespfl_unsent_reply_bytes_limit       gauge
//   bayespfl_connections_open_limit         gauge
//   bayespfl_connection_calls_open_limit    gauge
//   bayespfl_incoming_bytes_limit           gauge
//   bayespfl_result_log_queue_bytes_limit   gauge
//   bayespfl_log_queue_bytes_limit          gauge
//   bayespfl_batch_size_limit               gauge
//   bayespfl_replica_busy_seconds_limit     gauge  no series where a batch may take for ever
//   bayespfl_client_streams_open_limit      gauge  of each client; no series of those that know no limit
//   bayespfl_client_frames_in_flight_limit  gauge
//   bayespfl_client_bytes_in_flight_limit   gauge
//   bayespfl_client_frames_per_second_limit gauge  beside the rate of bayespfl_client_frames_total
#ifndef BAYESPFL_SERVER_TELEMETRY_LIMIT_METRICS_H_
#define BAYESPFL_SERVER_TELEMETRY_LIMIT_METRICS_H_

#include <array>
#include <cstdint>

#include "prometheus/registry.h"
#include "server/telemetry/queue_names.h"

namespace bayespfl::server {

// What the configuration allows.
struct MetricLimits {
  int64_t frames_in_flight = 0;
  int64_t bytes_in_flight = 0;
  int64_t streams_open = 0;
  std::array<int64_t, kQueueNames.size()> queue_depth{};  // frames, in PipelineQueue's order
  std::array<int64_t, kQueueNames.size()> queue_bytes{};  // likewise; only those of kWeighedQueues are looked at
  int64_t working_bytes = 0;
  int64_t unsent_reply_bytes = 0;  // of all streams together
  int64_t connections_open = 0;
  int64_t connection_calls_open = 0;
  int64_t incoming_bytes = 0;
  int64_t result_log_queue_bytes = 0;
  int64_t log_queue_bytes = 0;
  int64_t batch_size = 0;            // frames
  int64_t replica_busy_seconds = 0;  // 0: no limit
  // Of each client; 0: no limit.
  int64_t client_streams_open = 0;
  int64_t client_frames_in_flight = 0;
  int64_t client_bytes_in_flight = 0;
  int64_t client_frames_per_second = 0;
};

// Once for a registry.
void AddLimits(const MetricLimits& limits, prometheus::Registry& registry);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_TELEMETRY_LIMIT_METRICS_H_
