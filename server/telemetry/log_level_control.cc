#include "server/telemetry/log_level_control.h"

#include <string>
#include <utility>

#include "absl/time/clock.h"

namespace bayespfl::server {

LogLevelControl::LogLevelControl(Logger logger)
    : logger_(std::move(logger)), configured_(logger_->level()), thread_([this] { Run(); }) {}

LogLevelControl::~LogLevelControl() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
    changed_.NotifyOne();
  }
  thread_.join();
}

LogLevelControl::State LogLevelControl::state() const {
  MutexLock lock(mu_);
  return StateLocked();
}

LogLevelControl::State LogLevelControl::StateLocked() const {
  return {.level = logger_->level(), .configured = configured_, .until = until_};
}

LogLevelControl::State LogLevelControl::Set(std::optional<LogLevel> level,
                                            std::optional<std::chrono::milliseconds> duration) {
  MutexLock lock(mu_);
  due_.reset();
  until_.reset();
  if (level.has_value() && duration.has_value()) {
    due_ = std::chrono::steady_clock::now() + *duration;
    until_ = absl::Now() + absl::FromChrono(*duration);
  }
  Change(level.value_or(configured_));
  changed_.NotifyOne();
  return StateLocked();
}

LogLevelControl::State LogLevelControl::Configure(LogLevel level) {
  MutexLock lock(mu_);
  configured_ = level;
  due_.reset();
  until_.reset();
  Change(level);
  return StateLocked();
}

void LogLevelControl::Change(LogLevel level) {
  const LogLevel before = logger_->level();
  if (level == before) return;
  LogFields fields = {{"level_before", std::string(LogLevelName(before))},
                      {"level_now", std::string(LogLevelName(level))}};
  if (until_.has_value()) fields.push_back({"until", FormatTimestamp(*until_)});
  // Whoever reads the log is to know why it says more, or less, from here on.
  if (before == LogLevel::kOff) logger_->SetLevel(level);
  logger_->Audit("the log level changes", fields);
  logger_->SetLevel(level);
}

void LogLevelControl::Run() {
  MutexLock lock(mu_);
  while (!stopping_) {
    if (!due_.has_value()) {
      changed_.Wait(mu_);
    } else if (std::chrono::steady_clock::now() < *due_) {
      changed_.WaitUntil(mu_, *due_);
    } else {
      due_.reset();
      until_.reset();
      Change(configured_);
    }
  }
}

}  // namespace bayespfl::server
