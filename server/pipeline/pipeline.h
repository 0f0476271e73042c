// One frame's way from its arrival to its answer: admission -> decode -> execute -> render -> callback.
//
//   auto pipeline = Pipeline::Create({.max_frames_in_flight = 64}, observer);
//   pipeline->SetExecutor(executor);
//   absl::Status refused = pipeline->Submit(std::move(request), [](FrameResult result) { ... });
#ifndef BAYESPFL_SERVER_PIPELINE_PIPELINE_H_
#define BAYESPFL_SERVER_PIPELINE_PIPELINE_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "model/image/decode.h"
#include "server/pipeline/bounded_queue.h"
#include "server/pipeline/executor.h"
#include "server/pipeline/frame.h"
#include "server/pipeline/mutex.h"
#include "server/pipeline/observer.h"

namespace bayespfl::server {

struct PipelineOptions {
  ImageLimits image_limits;
  int max_frames_in_flight = 64;  // >= 1, frames accepted and not answered yet; more are refused at once
  int max_batch = 4;              // >= 1, frames that the model takes in one call
  int decode_threads = 1;         // >= 1
  int render_threads = 1;         // >= 1
};

// The stages a frame passes, as error messages and metrics name them.
enum class Stage { kAdmission, kDecode, kExecute, kRender, kReply };
absl::string_view StageName(Stage stage);

// Guarantees:
// - A frame whose Submit() returned OK is answered exactly once, from one of the pipeline's threads, perhaps before
//   Submit() returns; a frame that was refused never is.
// - Nothing is unbounded: at most max_frames_in_flight frames are inside, and at most 2 * max_batch of them wait
// decoded
//   for the model (a full queue holds the decoders up).
// - The execute thread takes what is waiting, up to max_batch frames, and never waits for more.
// - Deadline and cancellation are looked at before each stage: an expired frame ends with DeadlineExceeded that names
//   the stage it had reached, a cancelled one with Cancelled, and neither costs device time after that.
// Thread-safe. Callbacks may call Submit(), but not Shutdown() or the destructor.
class Pipeline {
 public:
  using Callback = std::function<void(FrameResult)>;

  // Starts the threads. `observer` must outlive the pipeline. Options below their minimum are raised to it.
  static std::unique_ptr<Pipeline> Create(const PipelineOptions& options, PipelineObserver& observer);
  ~Pipeline();  // Shutdown()
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  // From now on frames run on `executor`; until the first call every frame is refused. Frames already inside go to the
  // executor that is set when they reach the model.
  void SetExecutor(std::shared_ptr<Executor> executor);

  // Null before the first SetExecutor().
  std::shared_ptr<Executor> executor() const;

  // OK when frames are accepted. Unavailable: no model yet, or draining.
  absl::Status Ready() const;

  // Refusals: Unavailable (see Ready()), InvalidArgument (category or samples, as the executor's Validate() says),
  // ResourceExhausted (as many frames as max_frames_in_flight inside), DeadlineExceeded, Cancelled. Answers may besides
  // be InvalidArgument (the picture) and Internal (device or encoder).
  absl::Status Submit(FrameRequest request, Callback done);

  // Refuses new frames from now on; those inside go on. Returns at once.
  void Drain();

  // Drain(), then waits until every frame is answered and the threads have ended. May be called again.
  void Shutdown();

 private:
  struct Job;
  using JobPtr = std::unique_ptr<Job>;
  using Queue = BoundedQueue<JobPtr>;

  Pipeline(const PipelineOptions& options, PipelineObserver& observer);
  void StartThreads();

  absl::Status Admit(const FrameRequest& request);
  absl::Status TakeSlot();
  void Forward(JobPtr job, PipelineQueue to);
  std::vector<JobPtr> Take(PipelineQueue from, size_t max_items);
  Queue& queue(PipelineQueue which);
  bool DropIfDead(JobPtr& job, Stage reached);

  void DecodeLoop();
  void ExecuteLoop();
  void RenderLoop();
  void DecodeOne(JobPtr job);
  void ExecuteBatch(std::vector<JobPtr> batch);
  void RenderOne(JobPtr job);
  void Answer(JobPtr job, FrameResult result);

  const PipelineOptions options_;
  PipelineObserver& observer_;
  Queue decode_queue_;
  Queue execute_queue_;
  Queue render_queue_;

  mutable Mutex mu_;
  CondVar idle_;
  std::shared_ptr<Executor> executor_ ABSL_GUARDED_BY(mu_);
  int in_flight_ ABSL_GUARDED_BY(mu_) = 0;
  bool draining_ ABSL_GUARDED_BY(mu_) = false;

  Mutex shutdown_mu_;
  std::vector<std::thread> decoders_ ABSL_GUARDED_BY(shutdown_mu_);
  std::thread runner_ ABSL_GUARDED_BY(shutdown_mu_);
  std::vector<std::thread> renderers_ ABSL_GUARDED_BY(shutdown_mu_);
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_PIPELINE_PIPELINE_H_
