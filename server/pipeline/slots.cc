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

constexpr absl::string_view kLowShare = " (low priority: three quarters)";

// Beside why there is no room for them.
std::string Together(int frames) { return frames > 1 ? absl::StrCat(", and ", frames, " come together") : ""; }

bool IsLow(const Job& job) { return job.request.options.priority == Priority::kLow; }

}  // namespace

TogetherLimit MostTogether(const PipelineOptions& options, Priority priority) {
  const int of_all = options.max_frames_in_flight;
  const int of_client = options.max_frames_in_flight_per_client;
  const auto share = static_cast<int>(PriorityShare(priority, of_all));
  if (of_client > 0 && of_client < share) {
    return {.frames = of_client, .setting = absl::StrCat("max_frames_in_flight_per_client = ", of_client)};
  }
  return {.frames = share, .setting = absl::StrCat("max_frames_in_flight = ", of_all, share < of_all ? kLowShare : "")};
}

// Looks at the state under the lock that WaitUntilEmpty() uses, so that no frame slips in behind its back.
absl::Status Slots::TakeOrWait(JobPtr& job) {
  MutexLock lock(mu_);
  const absl::Status accepting = options_.state->Accepting();
  if (!accepting.ok()) return WithRefusal(accepting, Refusal::kDraining);
  const absl::Status room = Room(*job, UseOf(*job));
  if (room.ok() && !MustQueueUp(*job)) {
    Give(*job);
    return absl::OkStatus();
  }
  if (!Waits(*job)) return room;
  absl::Status room_to_wait = RoomToWait(*job);
  if (!room_to_wait.ok()) return room_to_wait;
  const Key key{job->rank, job->id};
  waiting_bytes_ += job->bytes;
  waiting_.emplace(key, std::move(job));
  return absl::OkStatus();
}

// A single frame may wait, however large it is.
absl::Status Slots::RoomToWait(const Job& job) const {
  if (waiting_.size() >= static_cast<size_t>(options_.max_frames_waiting)) {
    return WithRefusal(absl::ResourceExhaustedError(absl::StrCat(
                           "the server is full: ", waiting_.size(),
                           " frames wait for a place, max_frames_waiting = ", options_.max_frames_waiting)),
                       Refusal::kQueueFull);
  }
  if (!waiting_.empty() && waiting_bytes_ + job.bytes > options_.max_bytes_in_flight) {
    return WithRefusal(
        absl::ResourceExhaustedError(
            absl::StrCat("the server is full: ", waiting_bytes_,
                         " bytes of pictures wait for a place, max_bytes_in_flight = ", options_.max_bytes_in_flight)),
        Refusal::kBytesFull);
  }
  return absl::OkStatus();
}

JobPtr Slots::StopWaiting(WaitingFrames::iterator position) {
  waiting_bytes_ -= position->second->bytes;
  return std::move(waiting_.extract(position).mapped());
}

// Nobody's frames are inside without the others of theirs, so there is nothing to take back when some find no room.
absl::Status Slots::TakeTogether(absl::Span<const JobPtr> jobs) {
  const Use more = UseOf(jobs);
  const Job& any = *jobs.front();
  const TogetherLimit most = MostTogether(options_, any.request.options.priority);
  if (more.frames > most.frames) {
    return WithRefusal(
        absl::InvalidArgumentError(absl::StrCat(more.frames, " frames can never be inside together: at most ",
                                                most.frames, ", ", most.setting)),
        Refusal::kInvalid);
  }
  MutexLock lock(mu_);
  const absl::Status accepting = options_.state->Accepting();
  if (!accepting.ok()) return WithRefusal(accepting, Refusal::kDraining);
  absl::Status room = Room(any, more);
  if (!room.ok()) return room;
  for (const JobPtr& job : jobs) Give(*job);
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
  return !IsLow(waiting) && RoomForClient(waiting, UseOf(waiting)).ok();
}

absl::Status Slots::Room(const Job& job, const Use& more) const {
  absl::Status room = RoomInAll(job, more);
  return room.ok() ? RoomForClient(job, more) : room;
}

// A single frame may be larger than the limit of bytes, and so may those that come together: their message is here.
absl::Status Slots::RoomInAll(const Job& job, const Use& more) const {
  const auto refuse = [&](Refusal refusal, auto... what) {
    return WithRefusal(absl::ResourceExhaustedError(absl::StrCat("the server is full: ", what...,
                                                                 IsLow(job) ? kLowShare : "", Together(more.frames))),
                       refusal);
  };
  if (in_flight_ + more.frames > ShareOf(job, options_.max_frames_in_flight)) {
    return refuse(Refusal::kQueueFull, in_flight_,
                  " frames in flight, max_frames_in_flight = ", options_.max_frames_in_flight);
  }
  if (in_flight_ > 0 && bytes_in_flight_ + more.bytes > ShareOf(job, options_.max_bytes_in_flight)) {
    return refuse(Refusal::kBytesFull, bytes_in_flight_,
                  " bytes of pictures in flight, max_bytes_in_flight = ", options_.max_bytes_in_flight);
  }
  return absl::OkStatus();
}

// As for all, a single frame may be larger than the limit of bytes.
absl::Status Slots::RoomForClient(const Job& job, const Use& more) const {
  const int max_frames = options_.max_frames_in_flight_per_client;
  const int64_t max_bytes = options_.max_bytes_in_flight_per_client;
  const auto found = clients_.find(job.request.client);
  if (found == clients_.end()) return absl::OkStatus();
  const Use& use = found->second;
  const auto refuse = [&more](auto... what) {
    return WithRefusal(absl::ResourceExhaustedError(absl::StrCat("the client has ", what..., Together(more.frames))),
                       Refusal::kClientLimit);
  };
  if (max_frames > 0 && use.frames + more.frames > max_frames) {
    return refuse(use.frames, " frames in flight, max_frames_in_flight_per_client = ", max_frames);
  }
  if (max_bytes > 0 && use.frames > 1 - more.frames && use.bytes + more.bytes > max_bytes) {
    return refuse(use.bytes, " bytes of pictures in flight, max_bytes_in_flight_per_client = ", max_bytes);
  }
  return absl::OkStatus();
}

Slots::Use Slots::UseOf(absl::Span<const JobPtr> jobs) {
  Use use;
  for (const JobPtr& job : jobs) {
    ++use.frames;
    use.bytes += job->bytes;
  }
  return use;
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
    if (Room(*current->second, UseOf(*current->second)).ok()) {
      Give(*current->second);
      entering.push_back(StopWaiting(current));
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
