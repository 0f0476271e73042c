// What the pipeline tells its surroundings about itself; the pipeline knows nothing of metrics.
#ifndef BAYESPFL_SERVER_PIPELINE_OBSERVER_H_
#define BAYESPFL_SERVER_PIPELINE_OBSERVER_H_

#include "absl/status/status.h"
#include "server/pipeline/frame.h"

namespace bayespfl::server {

// The queues between the stages.
enum class PipelineQueue { kDecode, kExecute, kRender };

// Called from many threads at once, also while other threads are inside: implementations are thread-safe, quick and
// never call back. Depths and counts come as changes, because changes commute and absolute values would arrive out of
// order.
class PipelineObserver {
 public:
  virtual ~PipelineObserver() = default;

  // `change` frames entered (> 0) or left (< 0) the queue.
  virtual void OnQueueChange(PipelineQueue queue, int change) = 0;

  // `change` frames were accepted (> 0) or answered (< 0).
  virtual void OnFramesInFlightChange(int change) = 0;

  // The model took `frames` frames in one call.
  virtual void OnBatch(int frames) = 0;

  // Replica `replica` (from 0) failed; then either `rebuilt`, or lost for good.
  virtual void OnReplicaFailure(int replica, bool rebuilt) = 0;

  // Exactly once for every frame given to Submit(), accepted or not. `seconds` is complete when `status` is OK.
  virtual void OnFrameFinished(const absl::Status& status, const FrameSeconds& seconds) = 0;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_PIPELINE_OBSERVER_H_
