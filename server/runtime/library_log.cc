#include "server/runtime/library_log.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/stubs/logging.h"
#include "grpc/support/log.h"
#include "server/telemetry/repeat_limiter.h"

namespace bayespfl::server {
namespace {

constexpr std::chrono::milliseconds kLastLinePatience(200);
constexpr absl::string_view kFailedAssertion = "assertion failed: ";  // GPR_ASSERT's line, before it calls abort()

struct Target {
  Logger logger;
  RepeatLimiter limiter;
};

// The libraries take plain functions, and call them until the very end of the process: so it is never deleted.
Target* target = nullptr;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

LogLevel LevelOf(gpr_log_severity severity) {
  switch (severity) {
    case GPR_LOG_SEVERITY_DEBUG:
      return LogLevel::kDebug;
    case GPR_LOG_SEVERITY_INFO:
      return LogLevel::kInfo;
    case GPR_LOG_SEVERITY_ERROR:
      break;
  }
  return LogLevel::kWarning;
}

// "src/core/lib/surface/server.cc:120" without the folders.
std::string Place(absl::string_view file, int line) {
  return absl::StrCat(file.substr(file.find_last_of('/') + 1), ":", line);
}

// The process ends after it, and with it the thread that writes.
void WriteLastLine(absl::string_view message, const std::string& place, const std::string& error) {
  target->logger->LastWords(message, {{"place", place}, {"error", error}});
  target->logger->Flush(kLastLinePatience);
}

void OnGrpcLine(gpr_log_func_args* args) {
  const LogLevel level = LevelOf(args->severity);
  const bool last = absl::StartsWith(args->message, kFailedAssertion);
  if (!last && !target->logger->Enabled(level)) return;
  const std::string place = Place(args->file, args->line);
  if (last) return WriteLastLine("gRPC says", place, args->message);
  const std::optional<int64_t> suppressed = target->limiter.Admit(place);
  if (!suppressed.has_value()) return;
  LogFields fields = {{"place", place}, {"error", std::string(args->message)}};
  if (*suppressed > 0) fields.push_back({"suppressed", *suppressed});
  target->logger->Write(level, "gRPC says", fields);
}

void OnProtobufLine(google::protobuf::LogLevel level, const char* file, int line, const std::string& message) {
  if (level != google::protobuf::LOGLEVEL_FATAL) return;
  WriteLastLine("Protobuf says", Place(file, line), message);
}

}  // namespace

void WriteLibraryLogsTo(const Logger& logger, int max_repeats) {
  target = new Target{logger, RepeatLimiter({.max_lines = max_repeats})};
  gpr_set_log_function(OnGrpcLine);
  google::protobuf::SetLogHandler(OnProtobufLine);
}

}  // namespace bayespfl::server
