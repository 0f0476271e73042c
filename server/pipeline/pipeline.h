// One frame's way from its arrival to its answer: admission -> decode -> batch -> execute -> render -> callback.
//
//   auto pipeline = Pipeline::Create({.max_frames_in_flight = 64}, observer);
//   pipeline->SetModels({.models = {{"name", model}}, .default_model = "name"});
//   absl::Status refused = pipeline->Submit(std::move(request), [](FrameResult result) { ... });
#ifndef BAYESPFL_SERVER_PIPELINE_PIPELINE_H_
#define BAYESPFL_SERVER_PIPELINE_PIPELINE_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "model/image/decode.h"
#include "server/pipeline/executor.h"
#include "server/pipeline/fault_injector.h"
#include "server/pipeline/frame.h"
#include "server/pipeline/mutex.h"
#include "server/pipeline/observer.h"
#include "server/pipeline/served_model.h"
#include "server/pipeline/waiting_line.h"

namespace bayespfl::server {

struct PipelineOptions {
  ImageLimits image_limits;
  int max_frames_in_flight = 64;                     // >= 1, frames accepted and not answered yet; more are refused
  int64_t max_bytes_in_flight = int64_t{512} << 20;  // >= 1, of their pictures as they came; more are refused
  int64_t max_decoded_bytes = int64_t{1} << 30;      // >= 1, of decoded pictures that wait for the model; then decoding
                                                     // waits (a single larger one may wait alone)
  int max_batch = 4;                                 // >= 1, frames that the model takes in one call
  std::chrono::microseconds max_delay{0};            // how long a replica that was busy waits for a batch to fill
  int replicas = 1;                                  // >= 1, executors of each model
  int decode_threads = 1;                            // >= 1
  int render_threads = 1;                            // >= 1
  std::shared_ptr<FaultInjector> faults = nullptr;   // null: none

  // Asked for every frame whether its client may send one now; an error is the refusal. Called from many threads at
  // once. Empty: every client may.
  std::function<absl::Status(const std::string& client)> admit = {};
};

// The stages a frame passes, as error messages and metrics name them.
enum class Stage { kAdmission, kDecode, kExecute, kRender, kReply };
absl::string_view StageName(Stage stage);

using FrameId = uint64_t;

// Guarantees:
// - A frame whose Submit() returned OK is answered exactly once, perhaps before Submit() returns; a frame that was
//   refused never is.
// - Nothing is unbounded: frames and bytes inside are limited, and so are the decoded pictures that wait for the model
//   (2 * max_batch for each replica, and max_decoded_bytes; then the decoders wait).
// - Frames of all callers gather before the model they want. A replica takes up to max_batch of one model, the first by
//   arrival and priority (or by deadline, when that comes sooner); an idle one takes what there is at once.
// - A frame whose deadline passes while it waits is answered at that moment, and one that is cancelled or skipped
//   leaves at once; neither reaches the device. A frame inside a stage is looked at when it leaves the stage.
// - When a replica fails, it is rebuilt and its batch tried once more, by whoever is free first. The second failure
//   of a frame is its answer. A replica that cannot be rebuilt is given up; when a model has none left, its frames
//   are answered with the error, and Healthy() says so.
// Thread-safe. Callbacks may call Submit(), Skip() and Cancel(), but not Shutdown() or the destructor.
class Pipeline {
 public:
  using Callback = std::function<void(FrameResult)>;

  // Starts the threads. `observer` must outlive the pipeline. Options below their minimum are raised to it.
  static std::unique_ptr<Pipeline> Create(const PipelineOptions& options, PipelineObserver& observer);
  ~Pipeline();  // Shutdown()
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  // As in force: raised to their minimums.
  const PipelineOptions& options() const { return options_; }

  // From now on frames are given to these, each with an executor for every one of PipelineOptions::replicas. Frames
  // that were accepted stay with the model that they were accepted for. Until the first call every frame is refused.
  void SetModels(ModelSet models);

  // The model of that name, or the default one for "". Null: there is none.
  std::shared_ptr<const ServedModel> model(absl::string_view name = {}) const;

  // The model that a frame of that name would go to. Errors as Submit().
  absl::StatusOr<std::shared_ptr<ServedModel>> FindModel(absl::string_view name) const;

  // OK when frames are accepted. Unavailable: no model yet, or draining. Internal: see Healthy().
  absl::Status Ready() const;

  // Internal: every replica of a model failed and could not be rebuilt. The process should be restarted.
  absl::Status Healthy() const;

  // Refusals, each with its RefusalOf(): Unavailable (see Ready()), NotFound (no model of that name), what
  // PipelineOptions::admit says, InvalidArgument (category or samples, as the executor's Validate() says),
  // ResourceExhausted (over max_frames_in_flight or max_bytes_in_flight; three quarters of them for low priority),
  // DeadlineExceeded, Cancelled. Answers may besides be InvalidArgument (the picture) and Internal (device or encoder).
  // `id`, when given, is set before the frame can be answered.
  absl::Status Submit(FrameRequest request, Callback done, FrameId* id = nullptr);

  // About how long it will take until half of the frames inside are answered, from the time recent batches took: when
  // it is worth trying again after a refusal. 0 while nothing is known.
  std::chrono::nanoseconds RetryDelay() const;

  // Answers a frame with `status` if it still waits; it then costs no device time. False: a stage has it, or it has
  // been answered.
  bool Skip(FrameId id, const absl::Status& status);

  // Cancels the token, and answers its frames that wait.
  void Cancel(CancellationToken& token);

  // Refuses new frames from now on; those inside go on. Returns at once.
  void Drain();

  // Drain(), then waits until every frame is answered and the threads have ended. May be called again.
  void Shutdown();

 private:
  struct Job;
  using JobPtr = std::unique_ptr<Job>;
  using Line = WaitingLine<JobPtr>;

  Pipeline(const PipelineOptions& options, PipelineObserver& observer);
  void StartThreads();

  absl::Status Admit(const FrameRequest& request, const ServedModel& model, int64_t bytes);
  absl::Status TakeSlot(Priority priority, int64_t bytes);
  void Forward(JobPtr job, PipelineQueue to);
  std::vector<JobPtr> Take(PipelineQueue from);
  std::vector<JobPtr> TakeBatch(size_t replica);
  void NoteTaken(PipelineQueue from, const std::vector<JobPtr>& jobs);
  Line& line(PipelineQueue which);
  template <typename Predicate>
  void AnswerWaiting(Predicate leaves);
  bool DropIfDead(JobPtr& job, Stage reached);

  void DecodeLoop();
  void ExecuteLoop(size_t replica);
  void RenderLoop();
  void ExpiryLoop();
  void WatchDeadline(SteadyTime deadline);
  void DecodeOne(JobPtr job);
  absl::StatusOr<RgbImage> Decode(const ImageSource& source) const;
  void ExecuteBatch(size_t replica, std::vector<JobPtr> batch);
  static bayespfl::Frame ModelFrame(const Job& job);
  std::vector<absl::StatusOr<Detection>> RunModel(Executor& executor, absl::Span<const bayespfl::Frame> frames) const;
  void Recover(size_t replica, ServedModel& model, std::vector<JobPtr> batch, const absl::Status& failure);
  void NoteBatch(size_t frames, double seconds);
  void RenderOne(JobPtr job);
  void Answer(JobPtr job, FrameResult result);

  const PipelineOptions options_;
  PipelineObserver& observer_;
  Line decode_line_;
  Line execute_line_;
  Line render_line_;

  mutable Mutex mu_;
  CondVar idle_;
  ModelSet models_ ABSL_GUARDED_BY(mu_);
  FrameId next_id_ ABSL_GUARDED_BY(mu_) = 0;
  int in_flight_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t bytes_in_flight_ ABSL_GUARDED_BY(mu_) = 0;
  double seconds_per_frame_ ABSL_GUARDED_BY(mu_) = 0;  // of one replica, moving average over batches
  bool draining_ ABSL_GUARDED_BY(mu_) = false;

  Mutex expiry_mu_;
  CondVar expiry_changed_;
  SteadyTime next_expiry_ ABSL_GUARDED_BY(expiry_mu_) = SteadyTime::max();
  bool expiry_stopped_ ABSL_GUARDED_BY(expiry_mu_) = false;

  Mutex shutdown_mu_;
  std::vector<std::thread> threads_ ABSL_GUARDED_BY(shutdown_mu_);
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_PIPELINE_PIPELINE_H_
