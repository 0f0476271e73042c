// The server's log: one line per event on stderr, as text or as JSON.
//
//   2026-01-31T12:00:00.123Z warning the frame failed camera_id=line-3 frame_id="part 7" code=INVALID_ARGUMENT
//   {"timestamp":"2026-01-31T12:00:00.123Z","level":"warning","message":"the frame failed","camera_id":"line-3",...}
//
//   absl::StatusOr<Logger> logger = CreateLogger({.level = "info", .format = "json"});
//   (*logger)->Warning("the frame failed", {{"camera_id", camera}, {"seconds", 0.25}});
#ifndef BAYESPFL_SERVER_TELEMETRY_LOG_H_
#define BAYESPFL_SERVER_TELEMETRY_LOG_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/mutex.h"

namespace bayespfl::server {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

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
  std::function<void(absl::string_view line)> write = {};  // takes a line with its line feed, one at a time; empty: to
                                                           // stderr
  std::function<absl::Time()> clock = absl::Now;
};

// Thread-safe; lines of several threads do not mix.
class Log {
 public:
  Log(std::optional<LogLevel> lowest, bool json, LogOptions options);
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  // Whether lines of the level are written: saves making fields for nobody.
  bool Enabled(LogLevel level) const { return lowest_.has_value() && level >= *lowest_; }

  // `message` is a constant phrase, the same for every event of the kind; what differs goes into the fields.
  void Write(LogLevel level, absl::string_view message, const LogFields& fields = {});
  // A line of level info that is written whatever the level, unless that is off: of what somebody may be held to.
  void Audit(absl::string_view message, const LogFields& fields);
  void Debug(absl::string_view message, const LogFields& fields = {}) { Write(LogLevel::kDebug, message, fields); }
  void Info(absl::string_view message, const LogFields& fields = {}) { Write(LogLevel::kInfo, message, fields); }
  void Warning(absl::string_view message, const LogFields& fields = {}) { Write(LogLevel::kWarning, message, fields); }
  void Error(absl::string_view message, const LogFields& fields = {}) { Write(LogLevel::kError, message, fields); }

 private:
  void WriteLine(LogLevel level, absl::string_view message, const LogFields& fields);

  const std::optional<LogLevel> lowest_;  // absent: off
  const bool json_;
  const LogOptions options_;
  Mutex mu_;  // held while a line is written
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
