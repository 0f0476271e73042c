// What all calls of a server together may hold of replies that their clients have not taken.
#ifndef BAYESPFL_SERVER_API_UNSENT_BUDGET_H_
#define BAYESPFL_SERVER_API_UNSENT_BUDGET_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"

namespace bayespfl::server {

// When the budget is full, streams read no further, and so make no more replies, until others have been taken; a stream
// that owes its client nothing goes on all the same, so that clients who take no replies cannot hold up those who do.
// Replies of what has been read by then come on top. They are bounded as well: a reply that would bring the sum beyond
// twice the budget is not kept (Fits()), and its frame fails.
//
// Thread-safe.
class UnsentBudget {
 public:
  // `max_bytes` >= 1. `on_change` is told of every change; it is quick, never calls back, and may be empty.
  explicit UnsentBudget(int64_t max_bytes, std::function<void(int64_t change)> on_change = {})
      : max_bytes_(max_bytes), on_change_(std::move(on_change)) {}
  UnsentBudget(const UnsentBudget&) = delete;
  UnsentBudget& operator=(const UnsentBudget&) = delete;

  // `change` bytes of replies wait more (> 0) or fewer (< 0). WakeWaiters() follows, where no lock is held that a
  // waiter may want.
  void Add(int64_t change);

  int64_t bytes() const { return bytes_; }
  bool Full() const { return bytes_ >= max_bytes_; }

  // Whether a reply of so many bytes may be kept. Who asks at the same time as others gets the same answer.
  bool Fits(int64_t reply_bytes) const { return bytes_ + reply_bytes <= 2 * max_bytes_; }

  // True: it is full, and `wake` will be called once when it is not any more, by whoever calls WakeWaiters(). False: it
  // is not full, and `wake` will not be called.
  [[nodiscard]] bool WaitIfFull(std::function<void()> wake);

  // Calls those who wait, when there is room.
  void WakeWaiters();

 private:
  const int64_t max_bytes_;
  const std::function<void(int64_t)> on_change_;
  std::atomic<int64_t> bytes_{0};
  std::atomic<bool> somebody_waits_{false};

  Mutex mu_;
  std::vector<std::function<void()>> waiters_ ABSL_GUARDED_BY(mu_);
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_API_UNSENT_BUDGET_H_
