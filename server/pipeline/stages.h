// The threads of the pipeline: decode, execute and render, and the one that watches deadlines.
#ifndef BAYESPFL_SERVER_PIPELINE_STAGES_H_
#define BAYESPFL_SERVER_PIPELINE_STAGES_H_

#include <cstddef>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/mutex.h"
#include "model/detection/detector.h"
#include "model/image/decode.h"
#include "server/pipeline/admission.h"
#include "server/pipeline/frame.h"
#include "server/pipeline/frame_flow.h"
#include "server/pipeline/job.h"
#include "server/pipeline/observer.h"
#include "server/pipeline/pipeline_options.h"

namespace bayespfl::server {

// Every thread takes frames out of the line before its stage, answers those that are dead, works on the others, and
// forwards or answers each. Decoding and rendering take one frame at a time, with decode_threads and render_threads of
// them: decoding ends with Detector::Prepare(), rendering begins with Finish(). Each replica has a thread, which gives
// it batches and does nothing but Compute(); when a batch fails as a whole, its frames go back into the line once, as
// they were prepared, and the thread rebuilds its replica or gives it up. A batch that the device has no memory for is
// computed in halves; a frame that does not fit alone goes back once, since another replica of the device may have had
// the memory, and is answered kFrameTooLarge when it does not fit again.
//
// Thread-safe.
class Stages {
 public:
  // All four outlive the object; `options` has its values at or above their minimums.
  Stages(const PipelineOptions& options, PipelineObserver& observer, Admission& admission, FrameFlow& flow)
      : options_(options), observer_(observer), admission_(admission), flow_(flow) {}
  Stages(const Stages&) = delete;
  Stages& operator=(const Stages&) = delete;

  // Starts the threads; called once.
  void Start();

  // Waits until the threads have ended: after FrameFlow::Close(). Before the destructor, if Start() was called.
  void Join();

 private:
  void DecodeLoop();
  void DecodeOne(JobPtr job);
  absl::Status DecodeAndPrepare(Job& job) const;
  absl::StatusOr<RgbImage> Decode(const ImageSource& source) const;

  void ExecuteLoop(size_t replica);
  void ExecuteBatch(size_t replica, std::vector<JobPtr> batch);
  std::vector<absl::StatusOr<ComputedFrame>> RunModel(const ServedModel& model, size_t replica,
                                                      absl::Span<const PreparedFrame* const> frames) const;
  void ComputeInParts(size_t replica, std::vector<JobPtr> batch, const absl::Status& failure);
  void Recover(size_t replica, ServedModel& model, std::vector<JobPtr> batch, const absl::Status& failure);

  void RenderLoop();
  void RenderOne(JobPtr job);
  void NoteProvenance(const ServedModel& model, Provenance& provenance) const;

  const PipelineOptions& options_;
  PipelineObserver& observer_;
  Admission& admission_;
  FrameFlow& flow_;

  Mutex threads_mu_;
  std::vector<std::thread> threads_ ABSL_GUARDED_BY(threads_mu_);
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_PIPELINE_STAGES_H_
