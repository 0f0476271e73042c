// How many frames fit into the pipeline, and those that wait at its door for a slot.
//
//   absl::Status refused = slots.TakeOrWait(job);
//   if (!refused.ok()) return refused;
//   if (job == nullptr) return absl::OkStatus();  // it waits: Leave() will return it
//   ...
//   for (JobPtr& next : slots.Leave(*job)) ...
//
//   absl::Status refused = slots.TakeTogether(jobs);  // all of them or none
#ifndef BAYESPFL_SERVER_PIPELINE_SLOTS_H_
#define BAYESPFL_SERVER_PIPELINE_SLOTS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "base/mutex.h"
#include "server/pipeline/frame.h"
#include "server/pipeline/job.h"
#include "server/pipeline/pipeline_options.h"
#include "server/pipeline/steady_time.h"

namespace bayespfl::server {

// What frames that wait for room may fill of a limit: the last eighth is kept from them, because those that cannot wait
// would never find a slot free otherwise.
constexpr int64_t WaitingShare(int64_t limit) { return limit - limit / 8; }

// How many frames of one client can be inside at the same time.
struct TogetherLimit {
  int frames = 0;       // >= 1
  std::string setting;  // which one says so, and its value: "max_frames_in_flight = 64"
};
TogetherLimit MostTogether(const PipelineOptions& options, Priority priority);

// A slot that is given back goes to the frame that has waited longest (by rank: Job::rank) at once, so nobody who comes
// later can take it away, and while frames wait the pipeline is not empty. Who waits for want of room for all holds up
// those behind him; a frame of low priority does not, nor one whose client has as much inside as it may.
//
// Thread-safe.
class Slots {
 public:
  // `options` has its values at or above their minimums and a state, and outlives the object.
  explicit Slots(const PipelineOptions& options) : options_(options) {}
  Slots(const Slots&) = delete;
  Slots& operator=(const Slots&) = delete;

  // OK: the frame has a slot from now on, or it waits for one, when its FrameRequest::on_entered is set; `job` is null
  // then. Refusals as those of Pipeline::Submit(), each with its RefusalOf(); `job` is untouched.
  absl::Status TakeOrWait(JobPtr& job);

  // OK: each of the frames, at least one and all of one client and priority, has a slot from now on; else none has.
  // They do not wait. Refusals as those of Pipeline::SubmitTogether(), each with its RefusalOf().
  absl::Status TakeTogether(absl::Span<const JobPtr> jobs);

  // Gives the slot of an admitted frame to another one, which has none: false, and nothing is changed, when the other's
  // picture is so much larger that it does not fit.
  [[nodiscard]] bool HandOver(Job& from, Job& to);

  // Gives the slot of an admitted frame back. The frames that have waited and have a slot now.
  [[nodiscard]] std::vector<JobPtr> Leave(Job& job);

  // Takes out the frames that wait and for which `leaves(job)` is true. `leaves` must not call back.
  template <typename Predicate>
  [[nodiscard]] std::vector<JobPtr> RemoveWaitingIf(Predicate leaves) {
    MutexLock lock(mu_);
    std::vector<JobPtr> removed;
    for (auto position = waiting_.begin(); position != waiting_.end();) {
      const auto current = position++;
      if (leaves(*current->second)) removed.push_back(StopWaiting(current));
    }
    return removed;
  }

  // The earliest deadline of those who wait; SteadyTime::max() when there is none.
  SteadyTime NextDeadline() const {
    MutexLock lock(mu_);
    SteadyTime next = SteadyTime::max();
    for (const auto& [key, job] : waiting_) next = std::min(next, job->deadline);
    return next;
  }

  struct Use {
    int frames = 0;
    int64_t bytes = 0;  // of their pictures
  };
  // What a client (FrameRequest::client) has inside.
  Use UseOf(const std::string& client) const {
    MutexLock lock(mu_);
    const auto found = clients_.find(client);
    return found == clients_.end() ? Use() : found->second;
  }

  // Frames that have a slot.
  int frames_in_flight() const {
    MutexLock lock(mu_);
    return in_flight_;
  }

  // Waits until every slot has been given back; when the server drains it stays so.
  void WaitUntilEmpty();

 private:
  using Key = std::pair<SteadyTime, FrameId>;  // who is served first
  using WaitingFrames = std::map<Key, JobPtr>;
  static Use UseOf(absl::Span<const JobPtr> jobs);
  static Use UseOf(const Job& job) { return {.frames = 1, .bytes = job.bytes}; }

  // OK: there is room for `more`, in all and for the client of `job`, which is what comes or one of those that do.
  absl::Status Room(const Job& job, const Use& more) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status RoomInAll(const Job& job, const Use& more) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status RoomForClient(const Job& job, const Use& more) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status RoomToWait(const Job& job) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  JobPtr StopWaiting(WaitingFrames::iterator position) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool HoldsUpOthers(const Job& waiting) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool MustQueueUp(const Job& job) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Give(Job& job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void TakeBack(Job& job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const PipelineOptions& options_;
  mutable Mutex mu_;
  CondVar empty_;
  int in_flight_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t bytes_in_flight_ ABSL_GUARDED_BY(mu_) = 0;
  std::unordered_map<std::string, Use> clients_ ABSL_GUARDED_BY(mu_);  // those who have frames in flight
  WaitingFrames waiting_ ABSL_GUARDED_BY(mu_);
  int64_t waiting_bytes_ ABSL_GUARDED_BY(mu_) = 0;  // of their pictures
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_PIPELINE_SLOTS_H_
