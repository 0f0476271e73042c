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

// Those with a bound on what their frames hold: pictures as they came, which max_bytes_in_flight bounds at the door,
// and decoded pictures and maps, which max_decoded_bytes does. What waits to be decoded is in flight, and counted
// there.
inline constexpr std::array<PipelineQueue, 3> kWeighedQueues = {PipelineQueue::kAdmission, PipelineQueue::kExecute,
                                                                PipelineQueue::kRender};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_TELEMETRY_QUEUE_NAMES_H_
