#include "model/bench/resident_memory.h"

#include <malloc.h>

#include <algorithm>
#include <fstream>
#include <string>

namespace bayespfl {
namespace {

// proc(5): the peak becomes what is resident now.
bool ResetPeak() {
  std::ofstream file("/proc/self/clear_refs");
  file << "5" << std::flush;
  return file.good();
}

}  // namespace

std::optional<ResidentMemory> ReadResidentMemory(const std::filesystem::path& proc) {
  std::ifstream file(proc / "self/status");
  std::optional<int64_t> now;
  std::optional<int64_t> peak;
  int64_t kibibytes = 0;
  for (std::string word; file >> word;) {
    if (word != "VmRSS:" && word != "VmHWM:") continue;
    if (!(file >> kibibytes)) return std::nullopt;
    (word == "VmRSS:" ? now : peak) = kibibytes * 1024;
  }
  if (!now.has_value() || !peak.has_value()) return std::nullopt;
  return ResidentMemory{.now = *now, .peak = *peak};
}

std::optional<int64_t> MemoryWatch::PeakGrowth(absl::FunctionRef<void()> work) {
  highest_ = Highest();
  malloc_trim(0);
  const bool is_reset = ResetPeak();
  const std::optional<ResidentMemory> before = ReadResidentMemory();
  work();
  const std::optional<ResidentMemory> after = ReadResidentMemory();
  if (!is_reset || !before.has_value() || !after.has_value()) return std::nullopt;
  return after->peak - before->now;
}

std::optional<int64_t> MemoryWatch::Highest() {
  const std::optional<ResidentMemory> memory = ReadResidentMemory();
  if (!memory.has_value()) return highest_;
  return std::max(memory->peak, highest_.value_or(0));
}

}  // namespace bayespfl
