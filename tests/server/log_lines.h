// A log that keeps its lines for the test.
#ifndef BAYESPFL_TESTS_SERVER_LOG_LINES_H_
#define BAYESPFL_TESTS_SERVER_LOG_LINES_H_

#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "server/telemetry/log.h"

namespace bayespfl::server {

// Outlives its loggers. Thread-safe.
class LogLines {
 public:
  // A logger that writes here: "2026-01-31T12:00:00.123Z info draining\n".
  Logger Create(const std::string& level = "debug") {
    return *CreateLogger({.level = level, .format = "text", .write = [this](absl::string_view line) {
                            MutexLock lock(mu_);
                            absl::StrAppend(&text_, line);
                          }});
  }

  std::string text() const {
    MutexLock lock(mu_);
    return text_;
  }

 private:
  mutable Mutex mu_;
  std::string text_ ABSL_GUARDED_BY(mu_);
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_TESTS_SERVER_LOG_LINES_H_
