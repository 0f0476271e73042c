// The queues of the pipeline as labels of metrics.
#ifndef BAYESPFL_SERVER_TELEMETRY_QUEUE_NAMES_H_
#define BAYESPFL_SERVER_TELEMETRY_QUEUE_NAMES_H_

#include <array>
#include <cstddef>

#include "server/pipeline/observer.h"

namespace bayespfl::server {

// PipelineQueue's order.
inline constexpr std::array<const char*, 4> kQueueNames = {"admission", "decode", "execute", "render"};

inline const char* QueueName(PipelineQueue queue) { return kQueueNames.at(static_cast<size_t>(queue)); }

// Those whose frames hold decoded pictures or maps, which max_decoded_bytes bounds. What waits to be decoded counts for
// max_bytes_in_flight; of what waits to be admitted there is one message for each stream.
inline constexpr std::array<PipelineQueue, 2> kWeighedQueues = {PipelineQueue::kExecute, PipelineQueue::kRender};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_TELEMETRY_QUEUE_NAMES_H_
