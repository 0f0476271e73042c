// Keeps an event that repeats itself from filling the log.
#ifndef BAYESPFL_SERVER_TELEMETRY_REPEAT_LIMITER_H_
#define BAYESPFL_SERVER_TELEMETRY_REPEAT_LIMITER_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"

namespace bayespfl::server {

struct RepeatLimits {
  int max_lines = 5;                // >= 1, of one key in a window
  std::chrono::seconds window{10};  // begins with the first line after the window before
  size_t max_keys = 1024;           // >= 1, told apart; the events of further keys count as one more key, the rest
  std::function<std::chrono::steady_clock::time_point()> clock = std::chrono::steady_clock::now;
};

// Thread-safe.
class RepeatLimiter {
 public:
  explicit RepeatLimiter(RepeatLimits limits);

  // Absent: the event of this key is to be left out. Else it is to be written, and the value is the number of events of
  // the key that were left out since the last one that was written. Keys that have been silent for a window make room
  // for others when there are too many; what was left out of them is then told with the rest.
  std::optional<int64_t> Admit(absl::string_view key);

 private:
  struct Window {
    std::chrono::steady_clock::time_point start;
    int lines = 0;
    int64_t suppressed = 0;
  };

  Window& WindowOf(absl::string_view key, std::chrono::steady_clock::time_point now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const RepeatLimits limits_;
  Mutex mu_;
  std::unordered_map<std::string, Window> windows_ ABSL_GUARDED_BY(mu_);
  Window rest_ ABSL_GUARDED_BY(mu_);  // of all keys above max_keys
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_TELEMETRY_REPEAT_LIMITER_H_
