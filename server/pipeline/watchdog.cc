#include "server/pipeline/watchdog.h"

#include <algorithm>
#include <utility>

namespace bayespfl::server {

void Watchdog::Begin(size_t replica, Work work) {
  const SteadyTime deadline = limit_.count() == 0 ? SteadyTime::max() : work.start + limit_;
  MutexLock lock(mu_);
  running_[replica] = {.deadline = deadline, .overdue = false, .work = std::move(work)};
  changed_.NotifyAll();
}

Watchdog::Ended Watchdog::End(size_t replica) {
  MutexLock lock(mu_);
  Running ended = std::exchange(running_[replica], {});
  if (ended.overdue && ended.work.kind == ReplicaWork::kBatch) hung_.Set(replica, false);
  return {.overdue = ended.overdue, .jobs = std::move(ended.work.jobs)};
}

// The jobs change hands under the lock, together with the word that they did: whoever has them answers them.
void Watchdog::Check(SteadyTime now) {
  std::vector<std::pair<size_t, Work>> overdue;
  {
    MutexLock lock(mu_);
    for (size_t i = 0; i < running_.size(); ++i) {
      Running& running = running_[i];
      if (running.deadline > now) continue;
      running.deadline = SteadyTime::max();
      running.overdue = true;
      if (running.work.kind == ReplicaWork::kBatch) hung_.Set(i, true);
      overdue.emplace_back(i, Work{.kind = running.work.kind,
                                   .model = running.work.model,
                                   .start = running.work.start,
                                   .jobs = std::exchange(running.work.jobs, {})});
    }
  }
  for (auto& [replica, work] : overdue) on_overdue_(replica, std::move(work));
}

void Watchdog::Run() {
  while (WaitUntilDue()) Check(std::chrono::steady_clock::now());
}

// False: stopped.
bool Watchdog::WaitUntilDue() {
  MutexLock lock(mu_);
  while (!stopped_) {
    SteadyTime next = SteadyTime::max();
    for (const Running& running : running_) next = std::min(next, running.deadline);
    if (std::chrono::steady_clock::now() >= next) return true;
    if (next == SteadyTime::max()) {
      changed_.Wait(mu_);
    } else {
      changed_.WaitUntil(mu_, next);
    }
  }
  return false;
}

void Watchdog::Stop() {
  MutexLock lock(mu_);
  stopped_ = true;
  changed_.NotifyAll();
}

}  // namespace bayespfl::server
