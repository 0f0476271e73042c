// The queue between two stages: first in, first out, never longer than its capacity.
#ifndef BAYESPFL_SERVER_PIPELINE_BOUNDED_QUEUE_H_
#define BAYESPFL_SERVER_PIPELINE_BOUNDED_QUEUE_H_

#include <cstddef>
#include <deque>
#include <utility>
#include <vector>

#include "server/pipeline/mutex.h"

namespace bayespfl::server {

// Every method may be called from any thread. T is moved in and out.
template <typename T>
class BoundedQueue {
 public:
  // `capacity` is at least 1.
  explicit BoundedQueue(size_t capacity) : capacity_(capacity) {}
  BoundedQueue(const BoundedQueue&) = delete;
  BoundedQueue& operator=(const BoundedQueue&) = delete;

  // Waits while the queue is full: this is how a slow stage holds up the one before it. False, and `item` untouched,
  // when the queue is closed.
  [[nodiscard]] bool Push(T& item) {
    MutexLock lock(mu_);
    while (items_.size() >= capacity_ && !closed_) not_full_.Wait(mu_);
    if (closed_) return false;
    items_.push_back(std::move(item));
    not_empty_.NotifyOne();
    return true;
  }

  // Waits for one item, then takes what else is there, up to `max_items`; never waits for a second one. Empty only when
  // the queue is closed and everything in it was taken.
  std::vector<T> PopUpTo(size_t max_items) {
    MutexLock lock(mu_);
    while (items_.empty() && !closed_) not_empty_.Wait(mu_);
    std::vector<T> taken;
    while (!items_.empty() && taken.size() < max_items) {
      taken.push_back(std::move(items_.front()));
      items_.pop_front();
    }
    not_full_.NotifyAll();
    return taken;
  }

  // Refuses new items; those inside can still be taken.
  void Close() {
    MutexLock lock(mu_);
    closed_ = true;
    not_empty_.NotifyAll();
    not_full_.NotifyAll();
  }

  [[nodiscard]] size_t size() const {
    MutexLock lock(mu_);
    return items_.size();
  }

 private:
  const size_t capacity_;
  mutable Mutex mu_;
  CondVar not_empty_;
  CondVar not_full_;
  std::deque<T> items_ ABSL_GUARDED_BY(mu_);
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_PIPELINE_BOUNDED_QUEUE_H_
