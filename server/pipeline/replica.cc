#include "server/pipeline/replica.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace bayespfl::server {

Replica::Replica(std::shared_ptr<const Detector> detector, Reload reload)
    : reload_(std::move(reload)), info_(detector->info()), detector_(std::move(detector)) {}

std::shared_ptr<const Detector> Replica::detector() const {
  MutexLock lock(mu_);
  return detector_;
}

absl::Status Replica::Rebuild() {
  absl::StatusOr<std::shared_ptr<const Detector>> fresh = reload_();
  if (!fresh.ok()) return fresh.status();
  if ((*fresh)->info().digest != info_.digest) {
    return absl::FailedPreconditionError(
        absl::StrCat("the package of the model \"", info_.name, "\" has changed since it was loaded"));
  }
  MutexLock lock(mu_);
  detector_.swap(*fresh);  // the old one is destroyed after the lock is gone
  return absl::OkStatus();
}

}  // namespace bayespfl::server
