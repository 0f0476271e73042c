// The model's stage: what the threads do that compute, and the one that watches them.
#ifndef BAYESPFL_SERVER_PIPELINE_EXECUTOR_H_
#define BAYESPFL_SERVER_PIPELINE_EXECUTOR_H_

#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/detection/detector.h"
#include "server/pipeline/admission.h"
#include "server/pipeline/frame_flow.h"
#include "server/pipeline/hung_replicas.h"
#include "server/pipeline/job.h"
#include "server/pipeline/observer.h"
#include "server/pipeline/pipeline_options.h"
#include "server/pipeline/watchdog.h"

namespace bayespfl::server {

// Takes batches out of the line before the model and does nothing but Compute() with them. What a call gives for a
// frame is kept, whatever it says of the others:
// - A frame that the call failed for (Internal) is tried again alone. One that fails alone goes back once more, since
//   another replica, or this one when it has been rebuilt, may do better; the second time is its answer, kDeviceFailed.
// - After a call that failed the replica proves itself on a warm-up frame. Where that fails too, the replica is at
//   fault, and not the frames: it is rebuilt, or given up.
// - Frames that the device had no memory for (ResourceExhausted) are tried again in half as large a batch, and one that
//   does not fit alone goes back once, since another replica of the device may have had the memory; the second time is
//   its answer, kFrameTooLarge. That is no failure of the device.
// - Frames of a call that takes longer than max_batch_time are answered kDeviceHung, and so are those that only hung
//   replicas are left for; what the call gives in the end is dropped, and the replica goes on.
//
// Thread-safe.
class Executor {
 public:
  // All of them outlive the object; `options` has its values at or above their minimums.
  Executor(const PipelineOptions& options, PipelineObserver& observer, Admission& admission, FrameFlow& flow,
           HungReplicas& hung);
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  // What the thread of this replica of every model does. Returns after FrameFlow::Close().
  void Run(size_t replica);

  // What the thread does that sees when they hang. Returns after Stop().
  void Watch() { watchdog_.Run(); }

  // Ends a warm-up under way after its batch, and Watch().
  void Stop();

 private:
  struct Batch;

  void Execute(size_t replica, std::vector<JobPtr> taken);
  std::vector<absl::StatusOr<ComputedFrame>> Compute(const Detector& detector, size_t replica,
                                                     absl::Span<const PreparedFrame* const> frames);
  void Sort(Batch batch);
  void TryAgainAlone(JobPtr job, size_t batch, const absl::Status& failure);
  void TryAgainInParts(JobPtr job, size_t batch, const absl::Status& failure);
  bool ProvesItself(size_t replica, const std::shared_ptr<ServedModel>& model);
  void Rebuild(size_t replica, const std::shared_ptr<ServedModel>& model);
  void OnOverdue(size_t replica, Watchdog::Work work);
  void TellChange() const;

  const PipelineOptions& options_;
  PipelineObserver& observer_;
  Admission& admission_;
  FrameFlow& flow_;
  Watchdog watchdog_;
  std::atomic<bool> stop_{false};
  std::vector<absl::Status> broken_;  // by replica, of its own thread: an injected fault that lasts until it is rebuilt
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_PIPELINE_EXECUTOR_H_
