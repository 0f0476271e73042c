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

namespace {

// Of each part of the heap, in bytes; the most that malloc() takes for M_MMAP_THRESHOLD.
constexpr int kKeptBetweenFrames = 32 << 20;

// What is in memory and is no block in use: code, and what malloc() keeps.
int64_t UnusedBytes() {
  const struct mallinfo2 heap = mallinfo2();
  return ResidentBytes() - static_cast<int64_t>(heap.uordblks + heap.hblkhd);
}

}  // namespace

MemoryTrimmer::MemoryTrimmer(MemoryTrimmerOptions options)
    : options_(std::move(options)), unused_after_(UnusedBytes()), thread_([this] { Run(); }) {
  // malloc() then keeps what a frame's maps and pictures lay in for those of the next one, instead of giving the end of
  // each part of the heap back as soon as it is free: it is what the trimmer gives back.
  mallopt(M_MMAP_THRESHOLD, kKeptBetweenFrames);
  mallopt(M_TRIM_THRESHOLD, kKeptBetweenFrames);
}

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
  const auto now = std::chrono::steady_clock::now();
  // The cheap look first: what is in use is asked of every part of the heap.
  if (now < next_ || ResidentBytes() < unused_after_ + options_.least_growth) return;
  const int64_t unused = UnusedBytes();
  unused_after_ = std::min(unused_after_, unused);
  if (unused < unused_after_ + options_.least_growth) return;
  malloc_trim(/*pad=*/0);
  unused_after_ = UnusedBytes();
  next_ = now + options_.rest;
}

}  // namespace bayespfl::server
