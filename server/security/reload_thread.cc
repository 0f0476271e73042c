#include "server/security/reload_thread.h"

#include <cstddef>
#include <utility>

namespace bayespfl::server {

ReloadThread::ReloadThread(std::vector<Source> sources, std::chrono::seconds interval, Logger logger)
    : sources_(std::move(sources)), interval_(interval), logger_(std::move(logger)) {
  if (!sources_.empty()) thread_ = std::thread([this] { Run(); });
}

ReloadThread::~ReloadThread() {
  {
    MutexLock lock(mu_);
    stopped_ = true;
    stopping_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

void ReloadThread::ReloadNow() {
  MutexLock lock(mu_);
  wanted_ = true;
  stopping_.NotifyAll();
}

void ReloadThread::Run() {
  std::vector<std::string> errors(sources_.size());
  bool announced = false;
  while (WaitForNextRound(announced)) {
    for (size_t i = 0; i < sources_.size(); ++i) {
      const absl::StatusOr<bool> changed = sources_[i].reload();
      const std::string error = changed.ok() ? std::string() : std::string(changed.status().message());
      if (!error.empty() && (announced || error != errors[i])) {
        logger_->Error("a changed file cannot be used; the old content stays in force",
                       {{"what", sources_[i].name}, {"error", error}});
      }
      if (changed.ok() && *changed) logger_->Info("a changed file is used from now on", {{"what", sources_[i].name}});
      if (changed.ok() && !*changed && announced) logger_->Info("a file has not changed", {{"what", sources_[i].name}});
      errors[i] = error;
    }
  }
}

// False: it is time to end. `announced`: somebody waits for the round's results.
bool ReloadThread::WaitForNextRound(bool& announced) {
  const auto next = std::chrono::steady_clock::now() + interval_;
  MutexLock lock(mu_);
  while (!stopped_ && !wanted_ && stopping_.WaitUntil(mu_, next)) {
  }
  announced = std::exchange(wanted_, false);
  return !stopped_;
}

}  // namespace bayespfl::server
