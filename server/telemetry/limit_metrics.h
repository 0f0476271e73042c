// The limits that the gauges of other metrics are to be seen beside; each has the name of its gauge and _limit.
//
//   bayespfl_frames_in_flight_limit         gauge
//   bayespfl_bytes_in_flight_limit          gauge
//   bayespfl_streams_open_limit             gauge
//   bayespfl_queue_depth_limit{queue}       gauge  admission, decode, execute, render
//   bayespfl_queue_bytes_limit{queue}       gauge  execute, render
//   bayespfl_unsent_reply_bytes_limit       gauge
//   bayespfl_result_log_queue_bytes_limit   gauge
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
  int64_t queue_bytes = 0;                                // of each queue that has such a limit
  int64_t working_bytes = 0;
  int64_t unsent_reply_bytes = 0;  // of all streams together
  int64_t connections_open = 0;
  int64_t result_log_queue_bytes = 0;
};

// Once for a registry.
void AddLimits(const MetricLimits& limits, prometheus::Registry& registry);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_TELEMETRY_LIMIT_METRICS_H_
