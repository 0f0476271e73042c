// The frames between the stages: the lines where they wait, and every way out of them.
//
//   absl::Status refused = flow.Enter(job);
//   ...
//   std::vector<JobPtr> jobs = flow.Take(PipelineQueue::kDecode);  // in a thread of the stage
//   if (!flow.DropIfDead(jobs.front(), Stage::kDecode)) flow.Answer(std::move(jobs.front()), result);
#ifndef BAYESPFL_SERVER_PIPELINE_FRAME_FLOW_H_
#define BAYESPFL_SERVER_PIPELINE_FRAME_FLOW_H_

#include <cstddef>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "base/mutex.h"
#include "server/pipeline/errors.h"
#include "server/pipeline/frame.h"
#include "server/pipeline/hung_replicas.h"
#include "server/pipeline/job.h"
#include "server/pipeline/observer.h"
#include "server/pipeline/pipeline_options.h"
#include "server/pipeline/slots.h"
#include "server/pipeline/steady_time.h"
#include "server/pipeline/waiting_line.h"

namespace bayespfl::server {

// How many frames may wait in a line; of the one before the model, without those that come back from it.
// `options` has its values at or above their minimums.
size_t MaxWaiting(PipelineQueue queue, const PipelineOptions& options);

// A frame that came in by Enter() or EnterTogether() leaves by Answer(), exactly once: called by the stage that has it,
// or here, for one that is skipped, cancelled or past its deadline while it waits. The observer hears of every change.
//
// Thread-safe. What a frame's callback may do is said at Pipeline.
class FrameFlow {
 public:
  // All of them outlive the object; `options` has its values at or above their minimums.
  FrameFlow(const PipelineOptions& options, PipelineObserver& observer, Slots& slots, const HungReplicas& hung);
  FrameFlow(const FrameFlow&) = delete;
  FrameFlow& operator=(const FrameFlow&) = delete;

  // Puts a frame that may come in before the first stage, as soon as there is a slot for it: at once, or later, when it
  // has FrameRequest::on_entered. A full pipeline skips one of the frames that give way to it. Refusals as those of
  // Slots::TakeOrWait(); the job stays with the caller then.
  absl::Status Enter(JobPtr& job);

  // The same for frames that come in together or not at all; they do not wait, and nobody gives way to them. Refusals
  // as those of Slots::TakeTogether(); the jobs stay with the caller then.
  absl::Status EnterTogether(std::vector<JobPtr>& jobs);

  // Puts a frame into a line. Waits while there is no room.
  void Forward(JobPtr job, PipelineQueue to) { Put(std::move(job), to, &Line::Push); }

  // Puts a frame that was taken back into the line before the model. It was inside already and needs no room.
  void PutBack(JobPtr job) { Put(std::move(job), PipelineQueue::kExecute, &Line::PushBack); }

  // The next frame of a line, waiting for one. Empty: closed, and nothing is left.
  std::vector<JobPtr> Take(PipelineQueue from);

  // The next batch before the model: 1 to max_batch frames of one model whose replica is ready, no more than any of
  // them says (Job::most_together), and, unless it is one frame, with no more samples than max_batch frames of the
  // model's usual number have. Empty: closed, and nothing is left.
  std::vector<JobPtr> TakeBatch(size_t replica);

  // To be called when a replica has become ready: it looks again at what it can take.
  void WakeReplicas() { execute_line_.Wake(); }

  // To be called when a replica was lost or hangs: answers the frames that wait for a model which nobody can serve any
  // more, as HungReplicas::CanServe() says. Those that come later are answered when they reach the line before the
  // model.
  void DropUnserved();

  // Answers the frame when its deadline passed or its client left. True: `job` is gone.
  bool DropIfDead(JobPtr& job, Stage reached);

  // Ends a frame's way: gives its slot back, perhaps to one that waits for it, and calls it back.
  void Answer(JobPtr job, FrameResult result);

  // Answers the frame with `status` if it waits in one of those lines. False: it does not (any more).
  bool Skip(FrameId id, SkipFrom from, const absl::Status& status);

  // Answers the frames of a cancelled token that wait in a line.
  void DropCancelled(const CancellationToken& token);

  // Answers frames whose deadline passes while they wait in a line, at that moment and not when a stage gets to them.
  // Returns after Close(); one thread runs it.
  void DropExpired();

  // Requires that every frame has been answered and none comes any more. Whoever waits in a call returns.
  void Close();

 private:
  using Line = WaitingLine<JobPtr>;

  // A frame that has a slot now goes to the first stage, unless the server has begun to drain while it waited.
  void ComeIn(JobPtr job);
  void GiveBack(Job& job);
  bool TakeSlotOfOlder(JobPtr& job);
  JobPtr TakeOut(PipelineQueue queue, FrameId id);
  // The lines between the stages: every queue but kAdmission.
  Line& line(PipelineQueue which);
  void Put(JobPtr job, PipelineQueue to, bool (Line::*push)(const Place&, JobPtr&));
  // Answers the frame with `status` if it waits in this line. False: it does not (any more).
  bool DropFrom(PipelineQueue queue, FrameId id, const absl::Status& status);
  void NoteEntered(PipelineQueue queue, const Job& job);
  void NoteLeft(PipelineQueue queue, const Job& job);
  void NoteTaken(PipelineQueue from, Job& job);
  void NoteDeadline(SteadyTime deadline);
  template <typename Predicate>
  void DropWaiting(Predicate leaves);

  const PipelineOptions& options_;
  PipelineObserver& observer_;
  Slots& slots_;
  const HungReplicas& hung_;
  Line decode_line_;
  Line execute_line_;
  Line render_line_;

  Mutex expiry_mu_;
  CondVar expiry_changed_;
  SteadyTime next_expiry_ ABSL_GUARDED_BY(expiry_mu_) = SteadyTime::max();
  bool expiry_stopped_ ABSL_GUARDED_BY(expiry_mu_) = false;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_PIPELINE_FRAME_FLOW_H_
