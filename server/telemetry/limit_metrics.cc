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
  Add("bayespfl_result_log_queue_bytes_limit", "Lines of the result log that may wait; more are dropped.",
      limits.result_log_queue_bytes, registry);
  auto& depth = Family("bayespfl_queue_depth_limit",
                       "Frames that may wait in the queue before a stage; then the stage before it waits.", registry);
  for (size_t i = 0; i < kQueueNames.size(); ++i) {
    depth.Add({{"queue", kQueueNames.at(i)}}).Set(static_cast<double>(limits.queue_depth.at(i)));
  }
  auto& bytes =
      Family("bayespfl_queue_bytes_limit",
             "max_decoded_bytes: what the frames in a queue may hold; then the stage before it waits.", registry);
  for (const PipelineQueue queue : kWeighedQueues) {
    bytes.Add({{"queue", QueueName(queue)}}).Set(static_cast<double>(limits.queue_bytes));
  }
}

}  // namespace bayespfl::server
