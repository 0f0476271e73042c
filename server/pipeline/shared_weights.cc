#include "server/pipeline/shared_weights.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace bayespfl::server {

std::shared_ptr<SharedWeights> SharedWeights::Create(std::shared_ptr<const Detector> detector, Reload reload) {
  return std::shared_ptr<SharedWeights>(new SharedWeights(std::move(detector), std::move(reload)));
}

SharedWeights::SharedWeights(std::shared_ptr<const Detector> detector, Reload reload)
    : reload_(std::move(reload)), info_(detector->info()), detector_(std::move(detector)) {}

SharedWeights::Loan SharedWeights::Borrow() {
  MutexLock lock(mu_);
  if (state_ != State::kReady) return {};
  ++loans_;
  // Whoever borrows keeps this object, and with it the detector.
  std::shared_ptr<const Detector> loan(detector_.get(),
                                       [owner = shared_from_this()](const Detector* /*lent*/) { owner->GiveBack(); });
  return {.detector = std::move(loan), .number = number_};
}

void SharedWeights::GiveBack() {
  MutexLock lock(mu_);
  if (--loans_ == 0) changed_.NotifyAll();
}

bool SharedWeights::ready() const {
  MutexLock lock(mu_);
  return state_ == State::kReady;
}

bool SharedWeights::work() const {
  MutexLock lock(mu_);
  return state_ != State::kLost;
}

absl::Status SharedWeights::Rebuild(uint64_t failed, const Proof& proof) {
  {
    std::shared_ptr<const Detector> old;  // destroyed when the lock is gone
    MutexLock lock(mu_);
    while (state_ == State::kRebuilding) changed_.Wait(mu_);
    if (state_ == State::kLost) return lost_;
    if (number_ != failed) return absl::OkStatus();
    state_ = State::kRebuilding;
    while (loans_ > 0) changed_.Wait(mu_);
    old.swap(detector_);
  }
  absl::StatusOr<std::shared_ptr<const Detector>> fresh = Load(proof);
  MutexLock lock(mu_);
  if (fresh.ok()) {
    detector_ = *std::move(fresh);
    ++number_;
    state_ = State::kReady;
  } else {
    lost_ = fresh.status();
    state_ = State::kLost;
  }
  changed_.NotifyAll();
  return lost_;
}

absl::StatusOr<std::shared_ptr<const Detector>> SharedWeights::Load(const Proof& proof) const {
  absl::StatusOr<std::shared_ptr<const Detector>> fresh = reload_();
  if (!fresh.ok()) return fresh;
  if ((*fresh)->info().digest != info_.digest) {
    return absl::FailedPreconditionError(
        absl::StrCat("the package of the model \"", info_.name, "\" has changed since it was loaded"));
  }
  absl::Status proven = proof(**fresh);
  if (!proven.ok()) return absl::Status(proven.code(), absl::StrCat("the warm-up failed: ", proven.message()));
  return fresh;
}

}  // namespace bayespfl::server
