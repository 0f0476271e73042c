// The log's level at run time: changed by an operator, for a time or until further notice.
#ifndef BAYESPFL_SERVER_TELEMETRY_LOG_LEVEL_CONTROL_H_
#define BAYESPFL_SERVER_TELEMETRY_LOG_LEVEL_CONTROL_H_

#include <chrono>
#include <optional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "server/telemetry/log.h"

namespace bayespfl::server {

// Every change is a line of the log, whatever the levels, unless both are off.
//
// Thread-safe, but for the destructor.
class LogLevelControl {
 public:
  struct State {
    LogLevel level;
    LogLevel configured;
    std::optional<absl::Time> until;  // when `configured` comes back by itself; none: it does not
  };

  // The logger's level is the configured one.
  explicit LogLevelControl(Logger logger);
  ~LogLevelControl();  // leaves the level as it is
  LogLevelControl(const LogLevelControl&) = delete;
  LogLevelControl& operator=(const LogLevelControl&) = delete;

  State state() const;

  // `level` from now on; absent: the configured one. With a `duration` the configured one comes back after it.
  State Set(std::optional<LogLevel> level, std::optional<std::chrono::milliseconds> duration);

  // `level` is the configured one from now on, and in force.
  State Configure(LogLevel level);

 private:
  State StateLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Change(LogLevel level) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Run();

  const Logger logger_;
  mutable Mutex mu_;
  CondVar changed_;
  LogLevel configured_ ABSL_GUARDED_BY(mu_);
  std::optional<std::chrono::steady_clock::time_point> due_ ABSL_GUARDED_BY(mu_);  // then the configured one comes back
  std::optional<absl::Time> until_ ABSL_GUARDED_BY(mu_);                           // the same by the wall clock
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;  // last: it uses the rest
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_TELEMETRY_LOG_LEVEL_CONTROL_H_
