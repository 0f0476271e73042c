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

void ReloadThread::Run() {
  std::vector<std::string> errors(sources_.size());
  while (WaitForNextRound()) {
    for (size_t i = 0; i < sources_.size(); ++i) {
      const absl::StatusOr<bool> changed = sources_[i].reload();
      const std::string error = changed.ok() ? std::string() : std::string(changed.status().message());
      if (!error.empty() && error != errors[i]) {
        logger_->Error("a changed file cannot be used; the old content stays in force",
                       {{"what", sources_[i].name}, {"error", error}});
      }
      if (changed.ok() && *changed) logger_->Info("a changed file is used from now on", {{"what", sources_[i].name}});
      errors[i] = error;
    }
  }
}

// False: it is time to end.
bool ReloadThread::WaitForNextRound() {
  const auto next = std::chrono::steady_clock::now() + interval_;
  MutexLock lock(mu_);
  while (!stopped_ && stopping_.WaitUntil(mu_, next)) {
  }
  return !stopped_;
}

}  // namespace bayespfl::server
