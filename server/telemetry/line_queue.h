// Lines on their way to standard error and standard output, written by a thread of their own.
//
//   LineQueue queue;
//   queue.Push(STDERR_FILENO, "a line\n", LineWeight::kOrdinary);  // never waits
//   queue.Flush(std::chrono::seconds(1));                          // before the process ends
//
// Not spdlog's asynchronous logger, which Debian has: its queue is bounded by a number of lines of any size, when it is
// full it drops the oldest whatever they are, and its end posts with the policy that waits and then joins the thread,
// so that a pipe which nobody reads would keep the process from ending (spdlog 1.10, details/thread_pool-inl.h).
#ifndef BAYESPFL_SERVER_TELEMETRY_LINE_QUEUE_H_
#define BAYESPFL_SERVER_TELEMETRY_LINE_QUEUE_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

namespace bayespfl::server {

// What is dropped first.
enum class LineWeight {
  kOrdinary,   // may fill three quarters of the queue
  kImportant,  // errors, audit lines, what the program says of its own life: may fill all of it
};

struct LineQueueOptions {
  size_t max_bytes = size_t{1} << 20;  // of lines that are not written yet, with 64 bytes for each
  // The line, with its line feed, that tells of `lines` lines that were dropped. It stands where they would have stood.
  // Called by several threads, one at a time. Empty: nothing is told.
  std::function<std::string(uint64_t lines)> loss_line = {};
};

// Order is kept, also among descriptors. A line that finds no room, or that cannot be written (the reader has gone, the
// disk is full), is dropped and counted.
//
// Thread-safe, but for the destructor.
class LineQueue {
 public:
  explicit LineQueue(LineQueueOptions options = {});
  ~LineQueue();  // Close(kClosePatience)
  LineQueue(const LineQueue&) = delete;
  LineQueue& operator=(const LineQueue&) = delete;

  static constexpr std::chrono::milliseconds kClosePatience{1000};

  // `line` ends with its line feed. Never waits for a reader. After Close() every line is dropped.
  void Push(int descriptor, std::string line, LineWeight weight);

  // Waits until every line pushed before has been written or dropped. False: `patience` passed before.
  bool Flush(std::chrono::milliseconds patience);

  // Flush(), then ends the thread; what is still unwritten is dropped. False: something was. Takes at most `patience`
  // and a second: a thread that hangs in the kernel is left behind.
  bool Close(std::chrono::milliseconds patience);

  // Lines since the start.
  uint64_t dropped() const;

  // Of lines that are not written yet. May be called in a signal handler.
  size_t pending_bytes() const;

 private:
  struct State;
  static void Run(State& state);

  const std::shared_ptr<State> state_;  // a thread that is left behind holds it too
  std::thread thread_;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_TELEMETRY_LINE_QUEUE_H_
