#include "server/telemetry/limit_metrics.h"

#include <cstddef>

#include "prometheus/family.h"
#include "prometheus/gauge.h"
#include "server/telemetry/queue_names.h"

namespace bayespfl::server {
namespace {

prometheus::Family<prometheus::Gauge>& Family(const char* name, const char* help, prometheus::Registry& registry) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
}

void Add(const char* name, const char* help, int64_t limit, prometheus::Registry& registry) {
  Family(name, help, registry).Add({}).Set(static_cast<double>(limit));
}

void AddClientLimits(const MetricLimits& limits, prometheus::Registry& registry) {
  const auto add = [&registry](const char* name, const char* help, int64_t limit) {
    if (limit > 0) Add(name, help, limit, registry);
  };
  add("bayespfl_client_streams_open_limit", "max_streams_per_client.", limits.client_streams_open);
  add("bayespfl_client_frames_in_flight_limit", "max_frames_in_flight_per_client.", limits.client_frames_in_flight);
  add("bayespfl_client_bytes_in_flight_limit", "max_bytes_in_flight_per_client.", limits.client_bytes_in_flight);
  add("bayespfl_client_frames_per_second_limit", "max_frames_per_second_per_client.", limits.client_frames_per_second);
}

}  // namespace

void AddLimits(const MetricLimits& limits, prometheus::Registry& registry) {
  Add("bayespfl_frames_in_flight_limit", "max_frames_in_flight.", limits.frames_in_flight, registry);
  Add("bayespfl_bytes_in_flight_limit", "max_bytes_in_flight.", limits.bytes_in_flight, registry);
  Add("bayespfl_working_bytes_limit", "max_working_bytes.", limits.working_bytes, registry);
  Add("bayespfl_streams_open_limit", "max_streams.", limits.streams_open, registry);
  Add("bayespfl_unsent_reply_bytes_limit", "max_unsent_bytes: then streams that are owed a reply are read no further.",
      limits.unsent_reply_bytes, registry);
  Add("bayespfl_connections_open_limit", "max_connections, of the inspection's port.", limits.connections_open,
      registry);
  Add("bayespfl_connection_calls_open_limit", "max_calls_per_connection.", limits.connection_calls_open, registry);
  Add("bayespfl_incoming_bytes_limit", "max_incoming_bytes: then the connection with most of them is broken off.",
      limits.incoming_bytes, registry);
  Add("bayespfl_result_log_queue_bytes_limit", "Lines of the result log that may wait; more are dropped.",
      limits.result_log_queue_bytes, registry);
  Add("bayespfl_log_queue_bytes_limit", "Lines of the log that may wait; more are dropped.", limits.log_queue_bytes,
      registry);
  Add("bayespfl_batch_size_limit", "max_batch.", limits.batch_size, registry);
  if (limits.replica_busy_seconds > 0) {
    Add("bayespfl_replica_busy_seconds_limit", "max_batch_seconds: then a device counts as hung.",
        limits.replica_busy_seconds, registry);
  }
  auto& depth = Family("bayespfl_queue_depth_limit",
                       "Frames that may wait in the queue before a stage; then the stage before it waits.", registry);
  for (size_t i = 0; i < kQueueNames.size(); ++i) {
    depth.Add({{"queue", kQueueNames.at(i)}}).Set(static_cast<double>(limits.queue_depth.at(i)));
  }
  auto& bytes = Family("bayespfl_queue_bytes_limit",
                       "What the frames in a queue may hold. max_bytes_in_flight at the door: more are refused; else "
                       "max_decoded_bytes: then the stage before it waits.",
                       registry);
  for (const PipelineQueue queue : kWeighedQueues) {
    bytes.Add({{"queue", QueueName(queue)}})
        .Set(static_cast<double>(limits.queue_bytes.at(static_cast<size_t>(queue))));
  }
  AddClientLimits(limits, registry);
}

}  // namespace bayespfl::server
