// What clients may have left behind in a server of this process.
#ifndef BAYESPFL_TESTS_SERVER_LEFTOVERS_H_
#define BAYESPFL_TESTS_SERVER_LEFTOVERS_H_

#include <malloc.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/match.h"
#include "server/runtime/server.h"
#include "tests/server/until.h"

namespace bayespfl::server {

// Resident memory in kB (Linux' VmRSS).
inline int64_t ResidentKilobytes() {
  std::ifstream status("/proc/self/status");
  int64_t kilobytes = 0;
  for (std::string word; status >> word;) {
    if (word == "VmRSS:") status >> kilobytes;
  }
  return kilobytes;
}

// What the heap holds, in bytes: resident memory moves with the allocator's moods.
inline int64_t HeapBytes() {
  const struct mallinfo2 heap = mallinfo2();
  return static_cast<int64_t>(heap.uordblks + heap.hblkhd);
}

// Open descriptors, and the one that it takes to count them.
inline size_t OpenDescriptors() {
  size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) count += entry.exists() ? 1 : 0;
  return count;
}

// Waits until the server knows of no stream, no frame, no line and none of their bytes any more; false when it goes on
// knowing.
[[nodiscard]] inline bool BecomesIdle(const InspectionServer& server) {
  constexpr std::array<const char*, 12> kAtRest = {"\nbayespfl_streams_open 0\n",
                                                   "\nbayespfl_frames_in_flight 0\n",
                                                   "\nbayespfl_bytes_in_flight 0\n",
                                                   "\nbayespfl_unsent_reply_bytes 0\n",
                                                   "\nbayespfl_result_log_queue_bytes 0\n",
                                                   "\nbayespfl_queue_depth{queue=\"admission\"} 0\n",
                                                   "\nbayespfl_queue_depth{queue=\"decode\"} 0\n",
                                                   "\nbayespfl_queue_depth{queue=\"execute\"} 0\n",
                                                   "\nbayespfl_queue_depth{queue=\"render\"} 0\n",
                                                   "\nbayespfl_queue_bytes{queue=\"admission\"} 0\n",
                                                   "\nbayespfl_queue_bytes{queue=\"execute\"} 0\n",
                                                   "\nbayespfl_queue_bytes{queue=\"render\"} 0\n"};
  return Eventually([&] {
    const std::string metrics = server.metrics();
    return std::all_of(kAtRest.begin(), kAtRest.end(),
                       [&](const char* line) { return absl::StrContains(metrics, line); });
  });
}

}  // namespace bayespfl::server

#endif  // BAYESPFL_TESTS_SERVER_LEFTOVERS_H_
