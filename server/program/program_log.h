// The log of the server's process, with what its libraries print.
#ifndef BAYESPFL_SERVER_PROGRAM_PROGRAM_LOG_H_
#define BAYESPFL_SERVER_PROGRAM_PROGRAM_LOG_H_

#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "server/runtime/config.h"
#include "server/telemetry/log.h"
#include "server/telemetry/output_capture.h"

namespace bayespfl::server {

// From Start() on:
// - the log goes to standard error
// - gRPC and Protobuf write into it (library_log.h)
// - so does all that anybody prints to standard error, and with log_format json to standard output: who prints does not
//   wait for who reads
// - its last lines are written before a crash ends the process (last_lines.h)
//
// One in a process; Start() comes before the libraries are used by several threads.
class ProgramLog {
 public:
  // InvalidArgument: an unknown level or format. Else the system's errors.
  static absl::StatusOr<std::unique_ptr<ProgramLog>> Start(const ServerConfig& config);
  ~ProgramLog();  // waits, for kFlushPatience at most, until every line is out; who holds the logger may use it still
  ProgramLog(const ProgramLog&) = delete;
  ProgramLog& operator=(const ProgramLog&) = delete;

  const Logger& logger() const { return logger_; }

 private:
  ProgramLog(Logger logger, std::unique_ptr<OutputCapture> capture)
      : logger_(std::move(logger)), capture_(std::move(capture)) {}

  const Logger logger_;
  std::unique_ptr<OutputCapture> capture_;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_PROGRAM_PROGRAM_LOG_H_
