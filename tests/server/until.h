// Waiting for other threads.
#ifndef BAYESPFL_TESTS_SERVER_UNTIL_H_
#define BAYESPFL_TESTS_SERVER_UNTIL_H_

#include <chrono>
#include <thread>

namespace bayespfl::server {

// True once `condition` holds, which another thread brings about; false when it does not within a minute.
template <typename Condition>
[[nodiscard]] bool Eventually(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  return true;
}

}  // namespace bayespfl::server

#endif  // BAYESPFL_TESTS_SERVER_UNTIL_H_
