// The threads of the pipeline: decode, execute and render, and those that watch deadlines and devices.
#ifndef BAYESPFL_SERVER_PIPELINE_STAGES_H_
#define BAYESPFL_SERVER_PIPELINE_STAGES_H_

#include <cstdint>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "model/image/decode.h"
#include "server/pipeline/admission.h"
#include "server/pipeline/executor.h"
#include "server/pipeline/frame.h"
#include "server/pipeline/frame_flow.h"
#include "server/pipeline/hung_replicas.h"
#include "server/pipeline/job.h"
#include "server/pipeline/observer.h"
#include "server/pipeline/pipeline_options.h"
#include "server/pipeline/working_memory.h"

namespace bayespfl::server {

// Every thread takes frames out of the line before its stage, answers those that are dead, works on the others, and
// forwards or answers each. Decoding and rendering take one frame at a time, with decode_threads and render_threads of
// them: decoding ends with FrameHandler::Prepare(), rendering begins with Finish(). Each replica has a thread, which
// gives it batches and does nothing but Compute() (executor.h).
//
// Thread-safe.
class Stages {
 public:
  // All of them outlive the object; `options` has its values at or above their minimums.
  Stages(const PipelineOptions& options, PipelineObserver& observer, Admission& admission, FrameFlow& flow,
         HungReplicas& hung)
      : options_(options),
        flow_(flow),
        executor_(options, observer, admission, flow, hung),
        working_(options.max_working_bytes, [&observer](int64_t bytes) { observer.OnWorkingBytes(bytes); }) {}
  Stages(const Stages&) = delete;
  Stages& operator=(const Stages&) = delete;

  // Starts the threads; called once.
  void Start();

  // Waits until the threads have ended: after FrameFlow::Close(). Before the destructor, if Start() was called.
  void Join();

 private:
  void DecodeLoop();
  void DecodeOne(JobPtr job);
  absl::Status DecodeAndPrepare(Job& job);
  absl::StatusOr<RgbImage> Decode(const ImageSource& source, PixelGate& gate) const;

  void RenderLoop();
  void RenderOne(JobPtr job);
  void NoteProvenance(const ServedModel& model, Provenance& provenance) const;

  const PipelineOptions& options_;
  FrameFlow& flow_;
  Executor executor_;
  WorkingMemory working_;

  Mutex threads_mu_;
  std::vector<std::thread> threads_ ABSL_GUARDED_BY(threads_mu_);
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_PIPELINE_STAGES_H_
