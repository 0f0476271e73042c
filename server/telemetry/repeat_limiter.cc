#include "server/telemetry/repeat_limiter.h"

#include <algorithm>
#include <utility>

namespace bayespfl::server {

RepeatLimiter::RepeatLimiter(RepeatLimits limits) : limits_(std::move(limits)) {}

std::optional<int64_t> RepeatLimiter::Admit(absl::string_view key) {
  const std::chrono::steady_clock::time_point now = limits_.clock();
  MutexLock lock(mu_);
  Window& window = WindowOf(key, now);
  if (window.lines == 0 || now - window.start >= limits_.window) {
    window.start = now;
    window.lines = 0;
  }
  if (window.lines >= std::max(1, limits_.max_lines)) {
    ++window.suppressed;
    return std::nullopt;
  }
  ++window.lines;
  return std::exchange(window.suppressed, 0);
}

RepeatLimiter::Window& RepeatLimiter::WindowOf(absl::string_view key, std::chrono::steady_clock::time_point now) {
  const auto found = windows_.find(std::string(key));
  if (found != windows_.end()) return found->second;
  if (windows_.size() >= std::max<size_t>(1, limits_.max_keys)) {
    // Those that are over make room, also when they owe a count: clients invent keys, and would fill the map for good.
    int64_t owed = 0;
    std::erase_if(windows_, [&](const auto& entry) {
      const bool over = now - entry.second.start >= limits_.window;
      if (over) owed += entry.second.suppressed;
      return over;
    });
    rest_.suppressed += owed;
    if (windows_.size() >= std::max<size_t>(1, limits_.max_keys)) return rest_;
  }
  return windows_[std::string(key)];
}

}  // namespace bayespfl::server
