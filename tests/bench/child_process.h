// A process of its own for a part of a bench, so that what it uses is told apart from what the others use.
#ifndef BAYESPFL_TESTS_BENCH_CHILD_PROCESS_H_
#define BAYESPFL_TESTS_BENCH_CHILD_PROCESS_H_

#include <sys/types.h>

#include <memory>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/descriptor.h"
#include "tests/bench/process_usage.h"

namespace bayespfl {

// One end of what two processes talk over: values, each in one piece. Not thread-safe.
class ProcessChannel {
 public:
  explicit ProcessChannel(Descriptor socket) : socket_(std::move(socket)) {}

  // Unavailable: the other process is gone.
  template <typename Value>
  absl::Status Send(const Value& value) const {
    return SendBytes(&value, sizeof(value));
  }

  // Waits for it. Unavailable: the other process is gone; DeadlineExceeded.
  template <typename Value>
  absl::StatusOr<Value> Receive(absl::Duration patience = absl::InfiniteDuration()) const {
    Value value;
    if (absl::Status status = ReceiveBytes(&value, sizeof(value), patience); !status.ok()) return status;
    return value;
  }

 private:
  absl::Status SendBytes(const void* bytes, size_t count) const;
  absl::Status ReceiveBytes(void* bytes, size_t count, absl::Duration patience) const;

  Descriptor socket_;
};

// Not thread-safe.
class ChildProcess {
 public:
  // Runs `body` in a process of its own, which ends when that returns; it is to return when its channel says that this
  // process is gone, in whatever way. What it returns goes to standard error, as "PROGRAM: WHAT", unless it is OK. Call
  // it before the process has a second thread: it forks, and runs no other program.
  static absl::StatusOr<std::unique_ptr<ChildProcess>> Start(
      absl::string_view what, absl::FunctionRef<absl::Status(const ProcessChannel& parent)> body);
  // Closes the channel, and ends the process when it does not end itself within ten seconds.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  const ProcessChannel& channel() const { return *channel_; }
  // So far. NotFound: it has died.
  absl::StatusOr<ProcessUsage> usage() const { return UsageOf(process_); }

 private:
  ChildProcess(pid_t process, Descriptor socket)
      : process_(process), channel_(std::make_unique<ProcessChannel>(std::move(socket))) {}

  const pid_t process_;
  std::unique_ptr<ProcessChannel> channel_;
};

}  // namespace bayespfl

#endif  // BAYESPFL_TESTS_BENCH_CHILD_PROCESS_H_
