#include "server/pipeline/server_state.h"

#include "absl/time/clock.h"
#include "server/pipeline/errors.h"

namespace bayespfl::server {

absl::string_view LifePhaseName(LifePhase phase) {
  switch (phase) {
    case LifePhase::kLoading:
      return "LOADING";
    case LifePhase::kServing:
      return "SERVING";
    case LifePhase::kFailed:
      return "FAILED";
    case LifePhase::kLameDuck:
      return "LAME_DUCK";
    case LifePhase::kDraining:
      return "DRAINING";
    case LifePhase::kStopped:
      break;
  }
  return "STOPPED";
}

LifePhase ServerState::phase() const {
  MutexLock lock(mu_);
  return phase_;
}

void ServerState::NoteLoaded(const absl::Status& status) {
  MutexLock lock(mu_);
  if (phase_ != LifePhase::kLoading) return;
  loaded_ = status;
  Enter(status.ok() ? LifePhase::kServing : LifePhase::kFailed);
}

void ServerState::RequestStop() {
  MutexLock lock(mu_);
  stop_requested_ = true;
  changed_.NotifyAll();
}

bool ServerState::EnterLameDuck() {
  MutexLock lock(mu_);
  if (phase_ != LifePhase::kServing) return false;
  Enter(LifePhase::kLameDuck);
  return true;
}

void ServerState::StartDraining() {
  MutexLock lock(mu_);
  if (phase_ < LifePhase::kDraining) Enter(LifePhase::kDraining);
}

void ServerState::NoteStopped() {
  MutexLock lock(mu_);
  Enter(LifePhase::kStopped);
}

absl::Status ServerState::Accepting() const {
  MutexLock lock(mu_);
  return phase_ < LifePhase::kDraining ? absl::OkStatus() : ServerDraining();
}

absl::Status ServerState::Ready() const {
  MutexLock lock(mu_);
  switch (phase_) {
    case LifePhase::kLoading:
      return absl::UnavailableError("not all models are loaded yet");
    case LifePhase::kServing:
      return absl::OkStatus();
    case LifePhase::kFailed:
      return absl::UnavailableError("the model is not loaded yet");
    case LifePhase::kLameDuck:
      return absl::UnavailableError("the server is about to stop; use another replica");
    case LifePhase::kDraining:
    case LifePhase::kStopped:
      break;
  }
  return ServerDraining();
}

absl::Status ServerState::Started() const {
  MutexLock lock(mu_);
  return loaded_.value_or(absl::UnavailableError("the model is loading"));
}

absl::Status ServerState::Live() const {
  MutexLock lock(mu_);
  return loaded_.value_or(absl::OkStatus());
}

std::optional<absl::Time> ServerState::draining_since() const {
  MutexLock lock(mu_);
  return draining_since_;
}

absl::Status ServerState::WaitUntilLoaded() {
  MutexLock lock(mu_);
  while (!loaded_.has_value() && !stop_requested_) changed_.Wait(mu_);
  return loaded_.value_or(absl::CancelledError("stopped while the model was loading"));
}

void ServerState::WaitForStopRequest() {
  MutexLock lock(mu_);
  while (!stop_requested_) changed_.Wait(mu_);
}

void ServerState::Enter(LifePhase phase) {
  phase_ = phase;
  draining_since_ = phase == LifePhase::kDraining ? std::optional<absl::Time>(absl::Now()) : std::nullopt;
  changed_.NotifyAll();
}

}  // namespace bayespfl::server
