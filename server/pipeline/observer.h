// What the pipeline tells its surroundings about itself; the pipeline knows nothing of metrics.
#ifndef BAYESPFL_SERVER_PIPELINE_OBSERVER_H_
#define BAYESPFL_SERVER_PIPELINE_OBSERVER_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "server/pipeline/frame.h"

namespace bayespfl::server {

class ServedModel;

// The queues before and between the stages. Frames in kAdmission have no slot yet: they are not in flight.
enum class PipelineQueue { kAdmission, kDecode, kExecute, kRender };

// What a replica can be at.
enum class ReplicaWork { kBatch, kRebuild };

// Called from many threads at once, also while other threads are inside: implementations are thread-safe, quick and
// never call back. Depths and counts come as changes, because changes commute and absolute values would arrive out of
// order.
class PipelineObserver {
 public:
  virtual ~PipelineObserver() = default;

  // `frames` frames entered (> 0) or left (< 0) the queue, and with them `bytes` of host memory that they hold.
  virtual void OnQueueChange(PipelineQueue queue, int frames, int64_t bytes) = 0;

  // `frames` frames, whose pictures came in `bytes` bytes, were accepted (> 0) or answered (< 0).
  virtual void OnFramesInFlightChange(int frames, int64_t bytes) = 0;

  // Threads that decode pictures or encode maps took (> 0) or gave back (< 0) `bytes` of memory for that.
  virtual void OnWorkingBytes(int64_t bytes) = 0;

  // The model took `frames` frames in one call.
  virtual void OnBatch(int frames) = 0;

  // The model's replica began to compute a batch, or to be rebuilt, or ended that. In turns, for one replica.
  virtual void OnReplicaBusy(const ServedModel& model, size_t replica, bool busy) = 0;

  // What the replica is at has taken longer than PipelineOptions::max_batch_time; once for each time.
  virtual void OnReplicaOverdue(const ServedModel& model, size_t replica, ReplicaWork work) = 0;

  // A replica failed; then either `rebuilt`, or lost for good.
  virtual void OnReplicaFailure(bool rebuilt) = 0;

  // A device's memory did not suffice for a batch of `frames` frames, which is then computed in parts.
  virtual void OnOutOfMemory(int frames) = 0;

  // A frame was taken out of the queue by the stage behind it, after `seconds` (>= 0). Frames that left the queue in
  // another way (expired, cancelled, skipped) are not told.
  virtual void OnQueueWait(PipelineQueue queue, double seconds) = 0;

  // One of these two, exactly once, for every frame given to Submit(), accepted or not. RefusalOf(status) says why a
  // frame was not accepted; that of an accepted frame is absent. `client` is FrameRequest::client; `model` is null when
  // the frame was refused before it was known which model it is for.
  virtual void OnFrameAnswered(const ServedModel& model, const std::string& client,
                               const InspectionOutcome& outcome) = 0;
  virtual void OnFrameFailed(const ServedModel* model, const std::string& client, const absl::Status& status) = 0;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_PIPELINE_OBSERVER_H_
