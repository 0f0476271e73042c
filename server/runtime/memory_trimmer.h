// Gives memory that a burst has left in the heap back to the system.
#ifndef BAYESPFL_SERVER_RUNTIME_MEMORY_TRIMMER_H_
#define BAYESPFL_SERVER_RUNTIME_MEMORY_TRIMMER_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"

namespace bayespfl::server {

// Bytes of this process that are in memory (Linux' resident set); 0: unknown.
int64_t ResidentBytes();

struct MemoryTrimmerOptions {
  // Whether nobody is being served at the moment; quick, called from the trimmer's thread. Must be given.
  std::function<bool()> quiet;
  std::chrono::milliseconds interval{1000};  // between two looks
  std::chrono::milliseconds rest{10'000};    // between two times; what was given back costs whoever needs it again
  int64_t least_growth = int64_t{32} << 20;  // unused bytes that came since the last time; what cannot be given back
                                             // comes on top of them, and docs/operations.md promises 64 MiB
};

// malloc() keeps what was freed between blocks that are still in use: messages come in pieces of 8 and 64 KiB, and
// after a burst of them hundreds of megabytes stay with the process. malloc_trim() gives whole pages back, but holds up
// whoever allocates from the part of the heap that it is at. So it runs only when two looks in a row found nobody
// served, and the process with more memory that is not in use than after the last time.
//
// Meanwhile malloc() keeps up to 32 MiB at the end of each part of the heap (M_TRIM_THRESHOLD; of the whole process,
// and for good): by itself it gives the maps of each frame back, and the next frame's are a page fault for every 4 KiB.
//
// Its methods are not thread-safe.
class MemoryTrimmer {
 public:
  explicit MemoryTrimmer(MemoryTrimmerOptions options);
  ~MemoryTrimmer();
  MemoryTrimmer(const MemoryTrimmer&) = delete;
  MemoryTrimmer& operator=(const MemoryTrimmer&) = delete;

 private:
  void Run();
  bool WaitForTheNextLook();
  void Trim();

  const MemoryTrimmerOptions options_;
  int64_t unused_after_;                        // the last time; this and the next are the thread's own
  std::chrono::steady_clock::time_point next_;  // not before
  Mutex mu_;
  CondVar stop_;
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_RUNTIME_MEMORY_TRIMMER_H_
