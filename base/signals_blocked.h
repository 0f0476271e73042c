// Threads that take no signal which was sent to the whole process.
#ifndef BAYESPFL_BASE_SIGNALS_BLOCKED_H_
#define BAYESPFL_BASE_SIGNALS_BLOCKED_H_

#include <pthread.h>

#include <csignal>

namespace bayespfl {

// While it lives, this thread takes no signal; threads that it starts meanwhile never do. For a thread that a signal's
// handler waits for: the kernel may give a signal of the process to any thread that takes it, to that one too, and the
// wait would be for itself. What such a thread's own fault raises ends the process at once, without a handler.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace bayespfl

#endif  // BAYESPFL_BASE_SIGNALS_BLOCKED_H_
