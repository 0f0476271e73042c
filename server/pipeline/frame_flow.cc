#include "server/pipeline/frame_flow.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "server/pipeline/refusal.h"

namespace bayespfl::server {
namespace {

constexpr std::array<PipelineQueue, 3> kLines = {PipelineQueue::kDecode, PipelineQueue::kExecute,
                                                 PipelineQueue::kRender};

// What a stage is called while frames wait for it.
Stage StageAfter(PipelineQueue queue) {
  switch (queue) {
    case PipelineQueue::kAdmission:
      return Stage::kAdmission;
    case PipelineQueue::kDecode:
      return Stage::kDecode;
    case PipelineQueue::kExecute:
      return Stage::kExecute;
    case PipelineQueue::kRender:
      break;
  }
  return Stage::kRender;
}

// None before the frame is accepted: FrameTimeline::accepted is the end of that wait.
std::optional<FrameStep> StepOf(PipelineQueue queue) {
  switch (queue) {
    case PipelineQueue::kAdmission:
      return std::nullopt;
    case PipelineQueue::kDecode:
      return FrameStep::kDecodeQueue;
    case PipelineQueue::kExecute:
      return FrameStep::kExecuteQueue;
    case PipelineQueue::kRender:
      break;
  }
  return FrameStep::kRenderQueue;
}

bool IsFull(const absl::Status& status) {
  const std::optional<Refusal> refusal = RefusalOf(status);
  return refusal == Refusal::kQueueFull || refusal == Refusal::kBytesFull || refusal == Refusal::kClientLimit;
}

// The prepared picture before the model, the maps behind it, and the picture that will be sent back.
size_t BytesHeld(const Job& job) {
  const size_t prepared = job.prepared == nullptr ? 0 : job.prepared->bytes();
  const size_t picture = job.outcome.picture.has_value() ? job.outcome.picture->data.size() : 0;
  return prepared + picture + MapBytes(job.computed);
}

// What the device does and holds for a frame grows with its samples, and with pixels, of which all frames of a model
// have as many: a batch has no more of either than max_batch of the model's usual frames.
size_t MostSamples(const ModelInfo& model, const PipelineOptions& options) {
  return static_cast<size_t>(options.max_batch) * static_cast<size_t>(std::max(1, model.default_samples));
}

}  // namespace

size_t MaxWaiting(PipelineQueue queue, const PipelineOptions& options) {
  if (queue == PipelineQueue::kAdmission) return static_cast<size_t>(options.max_frames_waiting);
  if (queue != PipelineQueue::kExecute) return static_cast<size_t>(options.max_frames_in_flight);
  return static_cast<size_t>(options.max_batch) * static_cast<size_t>(options.replicas) * 2;
}

FrameFlow::FrameFlow(const PipelineOptions& options, PipelineObserver& observer, Slots& slots, const HungReplicas& hung)
    : options_(options),
      observer_(observer),
      slots_(slots),
      hung_(hung),
      decode_line_(MaxWaiting(PipelineQueue::kDecode, options), SIZE_MAX),
      execute_line_(MaxWaiting(PipelineQueue::kExecute, options), static_cast<size_t>(options.max_decoded_bytes)),
      render_line_(MaxWaiting(PipelineQueue::kRender, options), static_cast<size_t>(options.max_decoded_bytes)) {}

FrameFlow::Line& FrameFlow::line(PipelineQueue which) {
  switch (which) {
    case PipelineQueue::kDecode:
      return decode_line_;
    case PipelineQueue::kExecute:
      return execute_line_;
    case PipelineQueue::kAdmission:
    case PipelineQueue::kRender:
      break;
  }
  return render_line_;
}

absl::Status FrameFlow::Enter(JobPtr& job) {
  const FrameRequest& request = job->request;
  const SteadyTime deadline = job->deadline;
  const std::shared_ptr<const CancellationToken> cancellation = request.cancellation;
  job->queued = std::chrono::steady_clock::now();
  const bool may_wait = static_cast<bool>(request.on_entered);
  job->queued_bytes = may_wait ? job->bytes : 0;
  // Before it can leave the queue again.
  if (may_wait) NoteEntered(PipelineQueue::kAdmission, *job);
  absl::Status taken = slots_.TakeOrWait(job);
  if (job == nullptr) {
    NoteDeadline(deadline);
    // Cancelled between the last look and now: DropCancelled() may have come too early to find it.
    if (cancellation != nullptr && cancellation->cancelled()) DropCancelled(*cancellation);
    return absl::OkStatus();
  }
  if (may_wait && taken.ok()) NoteTaken(PipelineQueue::kAdmission, *job);
  if (may_wait && !taken.ok()) NoteLeft(PipelineQueue::kAdmission, *job);
  if (IsFull(taken) && TakeSlotOfOlder(job)) taken = absl::OkStatus();
  if (!taken.ok()) return taken;
  observer_.OnFramesInFlightChange(1, job->bytes);
  ComeIn(std::move(job));
  return absl::OkStatus();
}

// From here on each frame goes its own way: one whose client leaves meanwhile finds that out in the first line.
absl::Status FrameFlow::EnterTogether(std::vector<JobPtr>& jobs) {
  absl::Status taken = slots_.TakeTogether(jobs);
  if (!taken.ok()) return taken;
  for (const JobPtr& job : jobs) observer_.OnFramesInFlightChange(1, job->bytes);
  for (JobPtr& job : jobs) ComeIn(std::move(job));
  return absl::OkStatus();
}

// A frame that waited comes from whatever thread gave a slot back, perhaps long after Enter().
void FrameFlow::ComeIn(JobPtr job) {
  const auto entered = std::exchange(job->request.on_entered, nullptr);
  if (job->request.timeline != nullptr) job->request.timeline->accepted = std::chrono::steady_clock::now();
  Forward(std::move(job), PipelineQueue::kDecode);
  if (entered) entered();
}

// In a loop and not by calling itself: each frame that cannot come in gives its own slot back, to the next one.
void FrameFlow::GiveBack(Job& job) {
  observer_.OnFramesInFlightChange(-1, -job.bytes);
  std::vector<JobPtr> entering = slots_.Leave(job);
  for (size_t i = 0; i < entering.size(); ++i) {
    JobPtr next = std::move(entering[i]);
    NoteTaken(PipelineQueue::kAdmission, *next);
    observer_.OnFramesInFlightChange(1, next->bytes);
    const absl::Status accepting = options_.state->Accepting();
    if (accepting.ok()) {
      ComeIn(std::move(next));
      continue;
    }
    observer_.OnFramesInFlightChange(-1, -next->bytes);
    for (JobPtr& after : slots_.Leave(*next)) entering.push_back(std::move(after));
    Answer(std::move(next), WithRefusal(accepting, Refusal::kDraining));
  }
}

// True: `job` has the slot of a frame that was skipped for it.
bool FrameFlow::TakeSlotOfOlder(JobPtr& job) {
  for (const PipelineQueue queue : kLines) {
    for (const FrameId id : job->request.gives_way) {
      JobPtr older = TakeOut(queue, id);
      if (older == nullptr) continue;
      const bool handed_over = slots_.HandOver(*older, *job);
      if (handed_over) observer_.OnFramesInFlightChange(-1, -older->bytes);
      Answer(std::move(older), SkippedStatus());
      if (handed_over) return true;
    }
  }
  return false;
}

// The frame, if it waits in this line; null: it does not (any more).
JobPtr FrameFlow::TakeOut(PipelineQueue queue, FrameId id) {
  std::optional<JobPtr> job = line(queue).Remove(id);
  if (!job.has_value()) return nullptr;
  NoteLeft(queue, **job);
  return *std::move(job);
}

void FrameFlow::Put(JobPtr job, PipelineQueue to, bool (Line::*push)(const Place&, JobPtr&)) {
  job->queued = std::chrono::steady_clock::now();
  job->queued_bytes = static_cast<int64_t>(BytesHeld(*job));
  const FrameId id = job->id;
  const SteadyTime deadline = job->deadline;
  const std::shared_ptr<const CancellationToken> cancellation = job->request.cancellation;
  const std::shared_ptr<const ServedModel> model = to == PipelineQueue::kExecute ? job->model : nullptr;
  const Place place{.id = id,
                    .rank = job->rank,
                    .deadline = deadline,
                    .bytes = static_cast<size_t>(job->queued_bytes),
                    .group = model.get(),
                    .most_together = job->most_together,
                    .cost = static_cast<size_t>(SamplesOf(*job)),
                    .most_cost = MostSamples(job->model->info(), options_)};
  NoteEntered(to, *job);
  if (!(line(to).*push)(place, job)) {
    // Lines close only after the last frame was answered, so this is out of reach; a frame is answered all the same.
    NoteLeft(to, *job);
    return Answer(std::move(job), ServerDraining());
  }
  NoteDeadline(deadline);
  // Cancelled between the last look and now: DropCancelled() may have come too early to find it here. So may
  // DropUnserved().
  if (cancellation != nullptr && cancellation->cancelled()) DropFrom(to, id, ClientLeft(StageAfter(to)));
  if (model == nullptr) return;
  const absl::Status served = hung_.CanServe(*model);
  if (!served.ok()) DropFrom(to, id, served);
}

std::vector<JobPtr> FrameFlow::Take(PipelineQueue from) {
  std::vector<JobPtr> jobs = line(from).Take(1, std::chrono::nanoseconds(0));
  for (const JobPtr& job : jobs) NoteTaken(from, *job);
  return jobs;
}

std::vector<JobPtr> FrameFlow::TakeBatch(size_t replica) {
  const auto accepts = [replica](const void* group) { return static_cast<const ServedModel*>(group)->Ready(replica); };
  std::vector<JobPtr> jobs = execute_line_.Take(static_cast<size_t>(options_.max_batch), options_.max_delay, accepts);
  for (const JobPtr& job : jobs) NoteTaken(PipelineQueue::kExecute, *job);
  return jobs;
}

void FrameFlow::NoteEntered(PipelineQueue queue, const Job& job) {
  observer_.OnQueueChange(queue, 1, job.queued_bytes);
}

void FrameFlow::NoteLeft(PipelineQueue queue, const Job& job) {
  observer_.OnQueueChange(queue, -1, -job.queued_bytes);
  if (const std::optional<FrameStep> step = StepOf(queue)) NoteStep(job.request.timeline, *step, job.queued);
}

void FrameFlow::NoteTaken(PipelineQueue from, Job& job) {
  NoteLeft(from, job);
  const double waited = SecondsSince(job.queued);
  job.seconds.queue += waited;
  observer_.OnQueueWait(from, waited);
}

// DeadlineExceeded before Cancelled: gRPC cancels a call whose deadline passed, and the deadline is the reason then.
bool FrameFlow::DropIfDead(JobPtr& job, Stage reached) {
  if (std::chrono::steady_clock::now() >= job->deadline) {
    const SteadyTime arrival = job->request.arrival;
    Answer(std::move(job), DeadlinePassed(arrival, reached));
    return true;
  }
  if (!IsCancelled(job->request)) return false;
  Answer(std::move(job), ClientLeft(reached));
  return true;
}

// The slot is given back before the callback runs, which may want it for the next frame at once. Pipeline::Shutdown()
// still waits for the callback where a thread of the pipeline runs it; in Submit(), Skip() and Cancel() the caller's
// own does.
void FrameFlow::Answer(JobPtr job, FrameResult result) {
  NoteAnswer(job->request.timeline, result.status());
  if (result.ok()) {
    observer_.OnFrameAnswered(*job->model, job->request.client, *result);
  } else {
    observer_.OnFrameFailed(job->model.get(), job->request.client, result.status());
  }
  if (job->has_slot) GiveBack(*job);
  const auto done = std::move(job->done);
  const auto entered = std::move(job->request.on_entered);
  job.reset();
  done(std::move(result));
  if (entered) entered();
}

bool FrameFlow::Skip(FrameId id, SkipFrom from, const absl::Status& status) {
  if (DropFrom(PipelineQueue::kDecode, id, status) || DropFrom(PipelineQueue::kExecute, id, status)) return true;
  return from == SkipFrom::kAnyLine && DropFrom(PipelineQueue::kRender, id, status);
}

bool FrameFlow::DropFrom(PipelineQueue queue, FrameId id, const absl::Status& status) {
  JobPtr job = TakeOut(queue, id);
  if (job == nullptr) return false;
  Answer(std::move(job), status);
  return true;
}

void FrameFlow::DropCancelled(const CancellationToken& token) {
  DropWaiting([&token](const Job& job) { return job.request.cancellation.get() == &token; });
}

// Answers the waiting frames for which `leaves` is true: cancelled or expired ones.
template <typename Predicate>
void FrameFlow::DropWaiting(Predicate leaves) {
  const auto drop = [this](PipelineQueue queue, std::vector<JobPtr> jobs) {
    for (const JobPtr& job : jobs) NoteLeft(queue, *job);
    for (JobPtr& job : jobs) DropIfDead(job, StageAfter(queue));
  };
  // Those at the door first, so that they do not come in for those who leave.
  drop(PipelineQueue::kAdmission, slots_.RemoveWaitingIf(leaves));
  for (const PipelineQueue queue : kLines) {
    drop(queue, line(queue).RemoveIf([&leaves](const Place& /*place*/, const JobPtr& job) { return leaves(*job); }));
  }
}

// Rendering needs no replica.
void FrameFlow::DropUnserved() {
  for (const PipelineQueue queue : {PipelineQueue::kDecode, PipelineQueue::kExecute}) {
    std::vector<JobPtr> jobs = line(queue).RemoveIf(
        [this](const Place& /*place*/, const JobPtr& job) { return !hung_.CanServe(*job->model).ok(); });
    for (JobPtr& job : jobs) {
      NoteLeft(queue, *job);
      const absl::Status served = hung_.CanServe(*job->model);
      if (served.ok()) {  // a device came back meanwhile
        Put(std::move(job), queue, &Line::PushBack);
      } else {
        Answer(std::move(job), served);
      }
    }
  }
}

void FrameFlow::NoteDeadline(SteadyTime deadline) {
  MutexLock lock(expiry_mu_);
  if (deadline >= next_expiry_) return;
  next_expiry_ = deadline;
  expiry_changed_.NotifyAll();
}

void FrameFlow::DropExpired() {
  for (;;) {
    {
      MutexLock lock(expiry_mu_);
      // Deadlines of frames that enter a line after this look are reported by NoteDeadline().
      next_expiry_ = slots_.NextDeadline();
      for (const PipelineQueue queue : kLines) next_expiry_ = std::min(next_expiry_, line(queue).NextDeadline());
      while (!expiry_stopped_ && std::chrono::steady_clock::now() < next_expiry_) {
        if (next_expiry_ == SteadyTime::max()) {
          expiry_changed_.Wait(expiry_mu_);
        } else {
          expiry_changed_.WaitUntil(expiry_mu_, next_expiry_);
        }
      }
      if (expiry_stopped_) return;
    }
    const SteadyTime now = std::chrono::steady_clock::now();
    DropWaiting([now](const Job& job) { return job.deadline <= now; });
  }
}

void FrameFlow::Close() {
  for (const PipelineQueue queue : kLines) line(queue).Close();
  MutexLock lock(expiry_mu_);
  expiry_stopped_ = true;
  expiry_changed_.NotifyAll();
}

}  // namespace bayespfl::server
