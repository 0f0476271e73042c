// Which lines the server's calls and frames leave in the log.
#ifndef BAYESPFL_SERVER_TELEMETRY_EVENT_LOG_H_
#define BAYESPFL_SERVER_TELEMETRY_EVENT_LOG_H_

#include "absl/status/status.h"
#include "server/telemetry/log.h"
#include "server/telemetry/record.h"
#include "server/telemetry/repeat_limiter.h"

namespace bayespfl::server {

// One line for each:
//   frame that failed                 warning; when the server is at fault (FrameOutcome::kFailed): error
//   frame that was answered           debug, as are one that was skipped and one whose client left
//   stream that ended                 info
//   other call that ended             debug
// A call of either kind that ended by the server's fault: error.
// Of one kind (frames: code and camera) RepeatLimits are written; the next line says how many were left out.
//
// Thread-safe.
class EventLog {
 public:
  EventLog(Logger logger, RepeatLimits limits);

  void FrameAnswered(const FrameRecord& frame);
  void CallFinished(const CallRecord& call, const absl::Status& status);

 private:
  void WriteLimited(LogLevel level, absl::string_view message, LogFields fields, absl::string_view key);

  const Logger logger_;
  RepeatLimiter limiter_;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_TELEMETRY_EVENT_LOG_H_
