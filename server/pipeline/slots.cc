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
  const absl::Status room = Room(*job);
  if (room.ok() && !MustQueueUp(*job)) {
    Give(*job);
    return absl::OkStatus();
  }
  if (!Waits(*job)) return room;
  if (waiting_.size() >= static_cast<size_t>(options_.max_frames_waiting)) {
    return WithRefusal(absl::ResourceExhaustedError(absl::StrCat(
                           "the server is full: ", waiting_.size(),
                           " frames wait for a place, max_frames_waiting = ", options_.max_frames_waiting)),
                       Refusal::kQueueFull);
  }
  const Key key{job->rank, job->id};
  waiting_.emplace(key, std::move(job));
  return absl::OkStatus();
}

// Others wait who come first.
bool Slots::MustQueueUp(const Job& job) const {
  if (!Waits(job)) return false;
  return std::any_of(waiting_.begin(), waiting_.end(), [&](const auto& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return entry.first < Key{job.rank, job.id} && (HoldsUpOthers(*entry.second) || IsLow(job));
  });
}

bool Slots::HoldsUpOthers(const Job& waiting) const {
  return !IsLow(waiting) && RoomForClient(waiting, {.frames = 1, .bytes = waiting.bytes}).ok();
}

absl::Status Slots::Room(const Job& job) const {
  absl::Status room = RoomInAll(job);
  return room.ok() ? RoomForClient(job, {.frames = 1, .bytes = job.bytes}) : room;
}

absl::Status Slots::RoomInAll(const Job& job) const {
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

// `more`: what the frame adds to that. As for all, a single frame may be larger than the limit of bytes.
absl::Status Slots::RoomForClient(const Job& job, const Use& more) const {
  const int max_frames = options_.max_frames_in_flight_per_client;
  const int64_t max_bytes = options_.max_bytes_in_flight_per_client;
  const auto found = clients_.find(job.request.client);
  if (found == clients_.end()) return absl::OkStatus();
  const Use& use = found->second;
  const auto refuse = [](auto... what) {
    return WithRefusal(absl::ResourceExhaustedError(absl::StrCat("the client has ", what...)), Refusal::kClientLimit);
  };
  if (max_frames > 0 && use.frames + more.frames > max_frames) {
    return refuse(use.frames, " frames in flight, max_frames_in_flight_per_client = ", max_frames);
  }
  if (max_bytes > 0 && use.frames > 1 - more.frames && use.bytes + more.bytes > max_bytes) {
    return refuse(use.bytes, " bytes of pictures in flight, max_bytes_in_flight_per_client = ", max_bytes);
  }
  return absl::OkStatus();
}

void Slots::Give(Job& job) {
  ++in_flight_;
  bytes_in_flight_ += job.bytes;
  Use& use = clients_[job.request.client];
  ++use.frames;
  use.bytes += job.bytes;
  job.has_slot = true;
}

void Slots::TakeBack(Job& job) {
  --in_flight_;
  bytes_in_flight_ -= job.bytes;
  const auto found = clients_.find(job.request.client);
  found->second.bytes -= job.bytes;
  if (--found->second.frames == 0) clients_.erase(found);
  job.has_slot = false;
}

bool Slots::HandOver(Job& from, Job& to) {
  MutexLock lock(mu_);
  const int64_t more = to.bytes - from.bytes;
  if (in_flight_ > 1 && bytes_in_flight_ + more > ShareOf(to, options_.max_bytes_in_flight)) return false;
  if (!RoomForClient(to, {.frames = 0, .bytes = more}).ok()) return false;
  TakeBack(from);
  Give(to);
  return true;
}

std::vector<JobPtr> Slots::Leave(Job& job) {
  MutexLock lock(mu_);
  TakeBack(job);
  std::vector<JobPtr> entering;
  for (auto position = waiting_.begin(); position != waiting_.end();) {
    const auto current = position++;
    if (Room(*current->second).ok()) {
      Give(*current->second);
      entering.push_back(std::move(waiting_.extract(current).mapped()));
    } else if (HoldsUpOthers(*current->second)) {
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
