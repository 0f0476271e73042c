// The server's log: one line per event on stderr, as text or as JSON.
//
//   2026-01-31T12:00:00.123Z warning the frame failed camera_id=line-3 frame_id="part 7" code=INVALID_ARGUMENT
//   {"timestamp":"2026-01-31T12:00:00.123Z","level":"warning","message":"the frame failed","camera_id":"line-3",...}
//
//   absl::StatusOr<Logger> logger = CreateLogger({.level = "info", .format = "json"});
//   (*logger)->Warning("the frame failed", {{"camera_id", camera}, {"seconds", 0.25}});
//
// Who writes a line never waits for who reads it: a LineQueue takes the lines, writes them, and drops and counts what
// nobody reads.
#ifndef BAYESPFL_SERVER_TELEMETRY_LOG_H_
#define BAYESPFL_SERVER_TELEMETRY_LOG_H_

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "server/telemetry/line_queue.h"

namespace bayespfl::server {

enum class LogLevel { kDebug, kInfo, kWarning, kError, kOff };  // kOff: as the lowest level; no line has it

// "debug", "info", "warning", "error", "off".
absl::string_view LogLevelName(LogLevel level);

// InvalidArgument: none of those.
absl::StatusOr<LogLevel> ParseLogLevel(absl::string_view name);

// One named value of a line. Values may come from outside: they are escaped, and cut after kMaxLogValueBytes.
struct LogField {
  absl::string_view name;  // snake_case, one of the table in docs/operations.md
  std::variant<std::string, int64_t, uint64_t, double, bool> value;
};
using LogFields = std::vector<LogField>;

inline constexpr size_t kMaxLogValueBytes = 512;

struct LogOptions {
  std::string level = "info";                              // debug, info, warning, error; off: nothing is written
  std::string format = "text";                             // text, json
  std::function<void(absl::string_view line)> write = {};  // takes a line with its line feed, one at a time, in the
                                                           // thread that logs; empty: a queue in front of `descriptor`
  int descriptor = STDERR_FILENO;
  size_t max_queue_bytes = LineQueueOptions().max_bytes;
  std::function<absl::Time()> clock = absl::Now;
};

// Thread-safe; lines of several threads do not mix.
class Log {
 public:
  Log(LogLevel lowest, bool json, LogOptions options);  // options.write, or no line is ever written
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  // Whether lines of the level are written: saves making fields for nobody.
  bool Enabled(LogLevel level) const { return level >= lowest_.load(std::memory_order_relaxed); }

  // The lowest level that is written, from now on.
  LogLevel level() const { return lowest_.load(std::memory_order_relaxed); }
  void SetLevel(LogLevel lowest) { lowest_.store(lowest, std::memory_order_relaxed); }

  bool json() const { return json_; }

  // `message` is a constant phrase, the same for every event of the kind; what differs goes into the fields.
  void Write(LogLevel level, absl::string_view message, const LogFields& fields = {});
  // A line of level info that is written whatever the level, unless that is off: of what somebody may be held to.
  void Audit(absl::string_view message, const LogFields& fields);
  // A line that is written whatever the level, off included: why the process ends.
  void LastWords(absl::string_view message, const LogFields& fields);
  // A line, without its line feed, that a library has printed; written whatever the level, off included, as it would
  // have been. With JSON it is the `text` of a warning, else it stands there as it is.
  void Printed(absl::string_view line);

  // Words of the program that are no line of the log, with their line feed: in order with the lines.
  void WriteRaw(std::string text);

  // Waits until what was written before is out. False: `patience` passed before.
  bool Flush(std::chrono::milliseconds patience) { return queue_ == nullptr || queue_->Flush(patience); }

  // Of lines that are not written yet.
  size_t queue_bytes() const { return queue_ == nullptr ? 0 : queue_->pending_bytes(); }
  // Lines that were dropped since the start.
  uint64_t lines_dropped() const { return queue_ == nullptr ? 0 : queue_->dropped(); }

  // Null: lines are not queued.
  const LineQueue* queue() const { return queue_.get(); }
  void Debug(absl::string_view message, const LogFields& fields = {}) { Write(LogLevel::kDebug, message, fields); }
  void Info(absl::string_view message, const LogFields& fields = {}) { Write(LogLevel::kInfo, message, fields); }
  void Warning(absl::string_view message, const LogFields& fields = {}) { Write(LogLevel::kWarning, message, fields); }
  void Error(absl::string_view message, const LogFields& fields = {}) { Write(LogLevel::kError, message, fields); }

 private:
  void WriteLine(LogLevel level, LineWeight weight, absl::string_view message, const LogFields& fields);
  void Put(std::string line, LineWeight weight);
  std::string Format(LogLevel level, absl::string_view message, const LogFields& fields) const;

  std::atomic<LogLevel> lowest_;
  const bool json_;
  const LogOptions options_;
  Mutex mu_;                                // held while options_.write is called
  const std::unique_ptr<LineQueue> queue_;  // null: options_.write takes the lines; last: its thread uses the rest
};

using Logger = std::shared_ptr<Log>;

// InvalidArgument: an unknown level or format.
absl::StatusOr<Logger> CreateLogger(LogOptions options);

// A logger that writes nothing.
Logger SilentLogger();

// "2026-01-31T12:00:00.123Z": RFC 3339, UTC, milliseconds.
std::string FormatTimestamp(absl::Time time);

// Text that came from outside, as it may stand in a line of text: quoted, control and non-ASCII bytes escaped, at most
// kMaxLogValueBytes of it. Thread-safe.
std::string EscapeForLog(absl::string_view text);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_TELEMETRY_LOG_H_
