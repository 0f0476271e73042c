// One frame's way from its arrival to its answer: admission -> decode -> batch -> execute -> render -> callback.
// Admission (admission.h) says who may come in, Slots (slots.h) how many; between the stages frames wait in lines
// (frame_flow.h); threads (stages.h) carry them from one to the next.
//
//   auto pipeline = Pipeline::Create({.max_frames_in_flight = 64}, observer);
//   pipeline->SetModels({.models = {{"name", model}}, .default_model = "name"});
//   absl::Status refused = pipeline->Submit(std::move(request), [](FrameResult result) { ... });
#ifndef BAYESPFL_SERVER_PIPELINE_PIPELINE_H_
#define BAYESPFL_SERVER_PIPELINE_PIPELINE_H_

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/pipeline/admission.h"
#include "server/pipeline/frame.h"
#include "server/pipeline/frame_flow.h"
#include "server/pipeline/hung_replicas.h"
#include "server/pipeline/job.h"
#include "server/pipeline/observer.h"
#include "server/pipeline/pipeline_options.h"
#include "server/pipeline/served_model.h"
#include "server/pipeline/stages.h"

namespace bayespfl::server {

// Guarantees:
// - A frame whose Submit() returned OK is answered exactly once, perhaps before Submit() returns; a frame that was
//   refused never is.
// - Nothing is unbounded: frames and bytes inside are limited, and so are the prepared pictures that wait for the model
//   (2 * max_batch for each replica, and max_decoded_bytes; then the decoders wait) and the maps that wait to be
//   encoded (max_decoded_bytes too; then the model waits).
// - Frames of all callers gather before the model they want. A replica takes up to max_batch of one model, or fewer
//   that have as many samples as max_batch of the model's usual frames, the first by arrival and priority (or by
//   deadline, when that comes sooner); an idle one takes what there is at once.
// - A frame whose deadline passes while it waits is answered at that moment, and one that is cancelled or skipped
//   leaves at once; neither reaches the device. A frame inside a stage, or held there because the next line is full, is
//   looked at when it leaves the stage.
// - A batch that fails is tried again frame by frame, and a frame that fails alone, twice, is an error; a replica that
//   cannot do a warm-up frame either is rebuilt (executor.h). A replica that cannot be rebuilt is given up; when a
//   model has none left, its frames are answered with the error, and Healthy() says so.
// - A device that hangs costs the frames of its batch, and those that only it could serve: they are answered after
//   max_batch_time, and Healthy() says so until it comes back.
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

  // From now on frames are given to these, each with a replica for every one of PipelineOptions::replicas. Frames
  // that were accepted stay with the model that they were accepted for, and one that brings a model goes to that. Until
  // the first call every frame is refused.
  void SetModels(ModelSet models) { admission_.SetModels(std::move(models)); }

  // The model of that name, or the default one for "". Null: there is none.
  std::shared_ptr<const ServedModel> model(absl::string_view name = {}) const { return admission_.model(name); }

  // All of them.
  ModelSet models() const { return admission_.models(); }

  // The model that a frame of that name would go to; as FrameRequest::model it gets the frame also when others serve by
  // then. Errors as Submit().
  absl::StatusOr<std::shared_ptr<ServedModel>> FindModel(absl::string_view name) const {
    return admission_.FindModel(name);
  }

  // Where the server stands; PipelineOptions::state.
  const ServerState& state() const { return *options_.state; }

  // OK when frames of some model are accepted. Unavailable: no model yet, or draining.
  absl::Status Accepting() const { return admission_.Accepting(); }

  // OK when frames of every model are, and should be sent here. Unavailable: as Accepting() or ServerState::Ready(), or
  // a model has no replica that works and does not hang.
  absl::Status Ready() const { return admission_.Ready(); }

  // Unavailable: every replica of a model failed and could not be rebuilt, or a device hangs. The process should be
  // restarted.
  absl::Status Healthy() const { return admission_.Healthy(); }

  // Frames accepted and not answered yet.
  int frames_in_flight() const { return slots_.frames_in_flight(); }

  // What a client (FrameRequest::client) has in flight.
  Slots::Use UseOf(const std::string& client) const { return slots_.UseOf(client); }

  // Refusals, each with its RefusalOf(): Unavailable (see Ready()), NotFound (no model of that name), what
  // PipelineOptions::admit says, InvalidArgument (category or samples, as Detector::Validate() says),
  // ResourceExhausted (over max_frames_in_flight or max_bytes_in_flight; three quarters of them for low priority),
  // DeadlineExceeded, Cancelled. With FrameRequest::on_entered the frame waits instead of being refused for want of
  // room, unless max_frames_waiting do; a drain answers it with Unavailable. Answers may besides be InvalidArgument
  // (the picture) and Internal (device or encoder). `id`, when given, is set before the frame can be answered.
  absl::Status Submit(FrameRequest request, Callback done, FrameId* id = nullptr);

  // Submits frames that are accepted together or not at all: at least one, all of one client and one priority, none
  // with FrameRequest::on_entered or gives_way. `done` is called once for each, with its index. Refusals as Submit()'s,
  // for all of them, each counted; ResourceExhausted: there is no room for all of them at once. InvalidArgument
  // besides: more than MostTogether(). `at_fault`, when given, is set to the index of the frame that is refused for its
  // own sake.
  using TogetherCallback = std::function<void(size_t index, FrameResult)>;
  absl::Status SubmitTogether(std::vector<FrameRequest> requests, const TogetherCallback& done,
                              std::optional<size_t>* at_fault = nullptr);

  // About how long it will take until half of the frames inside are answered, from the time recent batches took: when
  // it is worth trying again after a refusal. 0 while nothing is known.
  std::chrono::nanoseconds RetryDelay() const { return admission_.RetryDelay(); }

  // Answers a frame with `status` if it waits, before the model (it then costs no device time) or in any line. False:
  // it does not, a stage has it, or it has been answered.
  bool Skip(FrameId id, SkipFrom from, const absl::Status& status) { return flow_.Skip(id, from, status); }

  // Cancels the token, and answers its frames that wait.
  void Cancel(CancellationToken& token);

  // ServerState::StartDraining(): refuses new frames from now on; those inside go on. Returns at once.
  void Drain() { options_.state->StartDraining(); }

  // Drain(), then waits until every frame is answered and the threads have ended. May be called again.
  void Shutdown();

 private:
  Pipeline(const PipelineOptions& options, PipelineObserver& observer);
  JobPtr NewJob(FrameRequest request, Callback done);
  absl::Status Admit(Job& job) const;
  void NoteRefused(const Job& job, const absl::Status& status);

  const PipelineOptions options_;
  PipelineObserver& observer_;
  std::atomic<FrameId> next_id_{0};
  HungReplicas hung_;
  Slots slots_;
  Admission admission_;
  FrameFlow flow_;
  Stages stages_;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_PIPELINE_PIPELINE_H_
