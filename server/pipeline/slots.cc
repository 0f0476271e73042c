#include "server/pipeline/slots.h"

#include "absl/strings/str_cat.h"
#include "server/pipeline/frame.h"
#include "server/pipeline/refusal.h"

namespace bayespfl::server {
namespace {

bool Waits(const Job& job) { return static_cast<bool>(job.request.on_entered); }

int64_t ShareOf(const Job& job, int64_t limit) {
  const int64_t share = PriorityShare(job.request.options.priority, limit);
  return Waits(job) ? std::min(share, WaitingShare(limit)) : share;
}

bool IsLow(const Job& job) { return job.request.options.priority == Priority::kLow; }

}  // namespace

// Looks at the state under the lock that WaitUntilEmpty() uses, so that no frame slips in behind its back.
absl::Status Slots::TakeOrWait(JobPtr& job) {
  MutexLock lock(mu_);
  const absl::Status accepting = options_.state->Accepting();
  if (!accepting.ok()) return WithRefusal(accepting, Refusal::kDraining);
  const absl::Status full = Refuse(*job);
  if (full.ok() && !MustQueueUp(*job)) {
    Give(*job);
    return absl::OkStatus();
  }
  if (!Waits(*job)) return full;
  if (waiting_.size() >= static_cast<size_t>(options_.max_frames_waiting)) {
    return WithRefusal(absl::ResourceExhaustedError(absl::StrCat("the server is full: ", waiting_.size(),
                                                                 " frames wait for a place, max_frames_waiting = ",
                                                                 options_.max_frames_waiting)),
                       Refusal::kQueueFull);
  }
  const Key key{job->rank, job->id};
  waiting_.emplace(key, std::move(job));
  return absl::OkStatus();
}

// Others wait who come first.
bool Slots::MustQueueUp(const Job& job) const {
  if (!Waits(job)) return false;
  return std::any_of(waiting_.begin(), waiting_.end(), [&job](const auto& entry) {
    return entry.first < Key{job.rank, job.id} && (!IsLow(*entry.second) || IsLow(job));
  });
}

absl::Status Slots::Refuse(const Job& job) const {
  const auto refuse = [&job](Refusal refusal, auto... what) {
    return WithRefusal(absl::ResourceExhaustedError(absl::StrCat("the server is full: ", what...,
                                                                 IsLow(job) ? " (low priority: three quarters)" : "")),
                       refusal);
  };
  if (in_flight_ >= ShareOf(job, options_.max_frames_in_flight)) {
    return refuse(Refusal::kQueueFull, in_flight_,
                  " frames in flight, max_frames_in_flight = ", options_.max_frames_in_flight);
  }
  if (in_flight_ > 0 && bytes_in_flight_ + job.bytes > ShareOf(job, options_.max_bytes_in_flight)) {
    return refuse(Refusal::kBytesFull, bytes_in_flight_,
                  " bytes of pictures in flight, max_bytes_in_flight = ", options_.max_bytes_in_flight);
  }
  return absl::OkStatus();
}

void Slots::Give(Job& job) {
  ++in_flight_;
  bytes_in_flight_ += job.bytes;
  job.has_slot = true;
}

bool Slots::HandOver(Job& from, Job& to) {
  MutexLock lock(mu_);
  const int64_t others = bytes_in_flight_ - from.bytes;
  if (in_flight_ > 1 && others + to.bytes > ShareOf(to, options_.max_bytes_in_flight)) return false;
  bytes_in_flight_ = others + to.bytes;
  from.has_slot = false;
  to.has_slot = true;
  return true;
}

std::vector<JobPtr> Slots::Leave(Job& job) {
  MutexLock lock(mu_);
  --in_flight_;
  bytes_in_flight_ -= job.bytes;
  job.has_slot = false;
  std::vector<JobPtr> entering;
  for (auto position = waiting_.begin(); position != waiting_.end();) {
    const auto current = position++;
    if (Refuse(*current->second).ok()) {
      Give(*current->second);
      entering.push_back(std::move(waiting_.extract(current).mapped()));
    } else if (!IsLow(*current->second)) {
      break;
    }
  }
  if (in_flight_ == 0) empty_.NotifyAll();
  return entering;
}

void Slots::WaitUntilEmpty() {
  MutexLock lock(mu_);
  while (in_flight_ > 0) empty_.Wait(mu_);
}

}  // namespace bayespfl::server
