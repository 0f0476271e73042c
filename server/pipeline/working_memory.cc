#include "server/pipeline/working_memory.h"

namespace bayespfl::server {

WorkingMemory::Share WorkingMemory::Take(int64_t bytes) {
  if (bytes == 0) return Share();
  MutexLock lock(mu_);
  const uint64_t ticket = next_ticket_++;
  while (ticket != serving_ || (taken_ > 0 && bytes > max_bytes_ - taken_)) changed_.Wait(mu_);
  ++serving_;
  taken_ += bytes;
  on_change_(bytes);
  changed_.NotifyAll();
  return Share(*this, bytes);
}

void WorkingMemory::GiveBack(int64_t bytes) {
  MutexLock lock(mu_);
  taken_ -= bytes;
  on_change_(-bytes);
  changed_.NotifyAll();
}

}  // namespace bayespfl::server
