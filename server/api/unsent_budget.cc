#include "server/api/unsent_budget.h"

namespace bayespfl::server {

void UnsentBudget::Add(int64_t change) {
  bytes_ += change;
  if (on_change_) on_change_(change);
}

// Sets the mark first and looks again: whoever makes room in between either sees the mark or is seen.
bool UnsentBudget::WaitIfFull(std::function<void()> wake) {
  if (!Full()) return false;
  MutexLock lock(mu_);
  somebody_waits_ = true;
  if (!Full()) return false;
  waiters_.push_back(std::move(wake));
  return true;
}

void UnsentBudget::WakeWaiters() {
  if (!somebody_waits_ || Full()) return;
  std::vector<std::function<void()>> waiters;
  {
    MutexLock lock(mu_);
    somebody_waits_ = false;
    waiters.swap(waiters_);
  }
  for (const std::function<void()>& wake : waiters) wake();
}

}  // namespace bayespfl::server
