// Threads that wait for different things under one mutex, so that each can be woken by itself.
#ifndef BAYESPFL_SERVER_PIPELINE_WAITING_THREADS_H_
#define BAYESPFL_SERVER_PIPELINE_WAITING_THREADS_H_

#include <list>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"

namespace bayespfl::server {

// A condition variable wakes one thread, whichever it is, or all of them. Where many wait and what has come is of use
// to some and enough for one, the first lets it lie and the second has all of them run for nothing. Here each thread
// says what it waits for, and whoever has something looks for one that wants it.
//
// Every method is called under the mutex that Wait() is given. Woken does not mean served: others may have been faster,
// so threads look again, and wait again.
template <typename Wish>
class WaitingThreads {
 public:
  WaitingThreads() = default;
  WaitingThreads(const WaitingThreads&) = delete;
  WaitingThreads& operator=(const WaitingThreads&) = delete;

  // Waits until it is woken. `wish` lives until then.
  void Wait(Mutex& mu, const Wish& wish) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) {
    Thread thread(wish);
    threads_.push_back(&thread);
    while (!thread.woken) thread.wake.Wait(mu);
    threads_.remove(&thread);
  }

  // Wakes the one that has waited longest of those for whose wishes `fits` is true and that were not woken yet. False:
  // there is none.
  template <typename Fits>
  bool WakeOne(Fits fits) {
    for (Thread* const thread : threads_) {
      if (thread->woken || !fits(thread->wish)) continue;
      thread->Wake();
      return true;
    }
    return false;
  }

  void WakeAll() {
    for (Thread* const thread : threads_) thread->Wake();
  }

 private:
  struct Thread {
    explicit Thread(const Wish& what) : wish(what) {}

    void Wake() {
      woken = true;
      wake.NotifyOne();
    }

    const Wish& wish;
    bool woken = false;
    CondVar wake;
  };

  std::list<Thread*> threads_;  // in the order of their coming
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_PIPELINE_WAITING_THREADS_H_
