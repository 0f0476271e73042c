// The server's log: one line per event on stderr.
#ifndef BAYESPFL_SERVER_TELEMETRY_LOG_H_
#define BAYESPFL_SERVER_TELEMETRY_LOG_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "spdlog/logger.h"

namespace bayespfl::server {

using Logger = std::shared_ptr<spdlog::logger>;

// A thread-safe logger to stderr. `level` is "debug", "info", "warning", "error" or "off"; InvalidArgument otherwise.
absl::StatusOr<Logger> CreateLogger(absl::string_view level);

// Text that came from outside, as it may stand in a log line: quoted, control and non-ASCII bytes escaped, at most 256
// bytes of it. Thread-safe.
std::string EscapeForLog(absl::string_view text);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_TELEMETRY_LOG_H_
