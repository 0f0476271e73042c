#include "server/program/program_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/program/announcer.h"
#include "server/program/last_lines.h"
#include "server/runtime/library_log.h"

namespace bayespfl::server {
namespace {

// With text, standard output is for the words of an Announcer.
std::vector<int> Captured(const ServerConfig& config) {
  if (config.log_format == "json") return {STDOUT_FILENO, STDERR_FILENO};
  return {STDERR_FILENO};
}

}  // namespace

absl::StatusOr<std::unique_ptr<ProgramLog>> ProgramLog::Start(const ServerConfig& config) {
  // The log goes on to where standard error led before the capture: what it wrote into that would come back.
  const int descriptor = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
  if (descriptor < 0) return absl::ErrnoToStatus(errno, "cannot keep standard error for the log");
  absl::StatusOr<Logger> logger =
      CreateLogger({.level = config.log_level, .format = config.log_format, .descriptor = descriptor});
  if (!logger.ok()) return logger.status();
  absl::StatusOr<std::unique_ptr<OutputCapture>> capture =
      OutputCapture::Start(Captured(config), [log = *logger](absl::string_view line) { log->Printed(line); });
  if (!capture.ok()) return capture.status();
  WriteLibraryLogsTo(*logger, config.log_max_repeats);
  WriteLastLinesOnCrash(**logger);
  return std::unique_ptr<ProgramLog>(new ProgramLog(*std::move(logger), *std::move(capture)));
}

ProgramLog::~ProgramLog() {
  capture_.reset();
  logger_->Flush(kFlushPatience);
}

}  // namespace bayespfl::server
