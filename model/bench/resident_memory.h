// How much memory a piece of work takes, as the kernel sees this process.
#ifndef BAYESPFL_MODEL_BENCH_RESIDENT_MEMORY_H_
#define BAYESPFL_MODEL_BENCH_RESIDENT_MEMORY_H_

#include <cstdint>
#include <filesystem>
#include <optional>

#include "absl/functional/function_ref.h"

namespace bayespfl {

struct ResidentMemory {
  int64_t now = 0;   // bytes (VmRSS)
  int64_t peak = 0;  // bytes (VmHWM)
};

// Absent: the kernel does not say. `proc` stands in for "/proc" in tests.
std::optional<ResidentMemory> ReadResidentMemory(const std::filesystem::path& proc = "/proc");

// Sets the kernel's peak of this process back, so that there may be one in a process. Not thread-safe.
class MemoryWatch {
 public:
  // What `work` adds to the process at its peak: blocks that malloc() keeps from before are given back first, or they
  // would hide it. Bytes; absent: the kernel does not say, or does not set its peak back. Calls `work` once in any
  // case.
  std::optional<int64_t> PeakGrowth(absl::FunctionRef<void()> work);

  // Most that the process had at any time: bytes; absent: the kernel does not say.
  std::optional<int64_t> Highest();

 private:
  std::optional<int64_t> highest_;  // before the peak was set back last
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_BENCH_RESIDENT_MEMORY_H_
