#include "server/runtime/memory_trimmer.h"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <utility>

namespace bayespfl::server {

int64_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  int64_t all = 0;
  int64_t resident = 0;
  return statm >> all >> resident ? resident * sysconf(_SC_PAGESIZE) : 0;
}

MemoryTrimmer::MemoryTrimmer(MemoryTrimmerOptions options)
    : options_(std::move(options)), resident_after_(ResidentBytes()), thread_([this] { Run(); }) {}

MemoryTrimmer::~MemoryTrimmer() {
  {
    MutexLock lock(mu_);
    stopped_ = true;
    stop_.NotifyAll();
  }
  thread_.join();
}

void MemoryTrimmer::Run() {
  bool was_quiet = false;
  while (WaitForTheNextLook()) {
    const bool quiet = options_.quiet();
    if (quiet && was_quiet) Trim();
    was_quiet = quiet;
  }
}

bool MemoryTrimmer::WaitForTheNextLook() {
  const auto next = std::chrono::steady_clock::now() + options_.interval;
  MutexLock lock(mu_);
  while (!stopped_ && stop_.WaitUntil(mu_, next)) {
  }
  return !stopped_;
}

void MemoryTrimmer::Trim() {
  const int64_t resident = ResidentBytes();
  resident_after_ = std::min(resident_after_, resident);  // it has shrunk by itself
  const auto now = std::chrono::steady_clock::now();
  if (now < next_ || resident < resident_after_ + options_.least_growth) return;
  malloc_trim(/*pad=*/0);
  resident_after_ = ResidentBytes();
  next_ = now + options_.rest;
}

}  // namespace bayespfl::server
