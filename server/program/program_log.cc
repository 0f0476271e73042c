#include "server/program/program_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <string>

#include "absl/strings/string_view.h"
#include "server/program/announcer.h"
#include "server/program/last_lines.h"
#include "server/runtime/library_log.h"

namespace bayespfl::server {
namespace {

absl::StatusOr<std::unique_ptr<OutputCapture>> CaptureOutput(const Logger& logger) {
  return OutputCapture::Start({STDOUT_FILENO, STDERR_FILENO}, [logger](absl::string_view line) {
    logger->Warning("a library printed a line", {{"text", std::string(line)}});
  });
}

}  // namespace

absl::StatusOr<std::unique_ptr<ProgramLog>> ProgramLog::Start(const ServerConfig& config) {
  const bool json = config.log_format == "json";
  // With JSON the log goes on to where standard error led before the capture.
  const int copy = json ? fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0) : -1;
  const int descriptor = copy >= 0 ? copy : STDERR_FILENO;
  absl::StatusOr<Logger> logger =
      CreateLogger({.level = config.log_level, .format = config.log_format, .descriptor = descriptor});
  if (!logger.ok()) return logger.status();
  std::unique_ptr<OutputCapture> capture;
  if (json) {
    absl::StatusOr<std::unique_ptr<OutputCapture>> started = CaptureOutput(*logger);
    if (!started.ok()) return started.status();
    capture = *std::move(started);
  }
  WriteLibraryLogsTo(*logger, config.log_max_repeats);
  WriteLastLinesOnAbort(**logger);
  return std::unique_ptr<ProgramLog>(new ProgramLog(*std::move(logger), std::move(capture)));
}

ProgramLog::~ProgramLog() {
  capture_.reset();
  logger_->Flush(kFlushPatience);
}

}  // namespace bayespfl::server
