// SIGHUP, SIGTERM and SIGINT: what each of them makes the process do.
//
//   BlockSignals();  // in main(), before any thread starts
//   const SignalThread signals({.on_signal = ..., .reload = ..., .stop = ..., .leave = ..., .give_up = ..., ...});
#ifndef BAYESPFL_SERVER_PROGRAM_SIGNAL_THREAD_H_
#define BAYESPFL_SERVER_PROGRAM_SIGNAL_THREAD_H_

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <thread>

#include "server/pipeline/steady_time.h"
#include "server/runtime/received_signal.h"

namespace bayespfl::server {

// Keeps the three signals from the calling thread, and from the threads that it starts: only a SignalThread gets them.
void BlockSignals();

// All must be given. Called by the signal thread.
struct SignalActions {
  std::function<void(const ReceivedSignal&)> on_signal;  // every signal, before what it does
  std::function<void()> reload;                          // SIGHUP, unless a stop has begun; returns at once
  std::function<void()> stop;                            // the first SIGTERM or SIGINT; returns at once
  std::function<void(int signal)> leave;                 // the second; ends the process
  std::function<void()> give_up;                         // `patience` has passed since the first; likewise
  std::chrono::seconds patience;                         // > 0; a call of the device that hangs can be ended in no
                                                         // other way
};

// Waits for the signals on a thread of its own, until the process ends or the destructor is called.
class SignalThread {
 public:
  // BlockSignals() was called. One at a time in a process.
  explicit SignalThread(SignalActions actions);
  ~SignalThread();
  SignalThread(const SignalThread&) = delete;
  SignalThread& operator=(const SignalThread&) = delete;

 private:
  void Run();
  // The next signal, which on_signal has heard of. None: `end` has passed, or the destructor was called.
  std::optional<int> Wait(std::optional<SteadyTime> end);

  const SignalActions actions_;
  std::atomic<bool> done_{false};
  std::thread thread_;  // last: it uses the rest
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_PROGRAM_SIGNAL_THREAD_H_
