// What this process takes.
#ifndef BAYESPFL_TESTS_SERVER_RESIDENT_MEMORY_H_
#define BAYESPFL_TESTS_SERVER_RESIDENT_MEMORY_H_

#include <cstdint>
#include <fstream>
#include <string>

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

}  // namespace bayespfl::server

#endif  // BAYESPFL_TESTS_SERVER_RESIDENT_MEMORY_H_
