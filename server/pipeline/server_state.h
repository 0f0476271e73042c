// Where the server stands between its start and its end, for all who act on it: probes, the health service, admission
// and the register of calls.
#ifndef BAYESPFL_SERVER_PIPELINE_SERVER_STATE_H_
#define BAYESPFL_SERVER_PIPELINE_SERVER_STATE_H_

#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/mutex.h"

namespace bayespfl::server {

// In the order in which a server goes through them; it may leave some out, and never goes back.
enum class LifePhase {
  kLoading,   // the models of the start are being loaded
  kServing,   // all of them serve
  kFailed,    // one of them cannot be loaded
  kLameDuck,  // about to stop: nobody should send new work here, but what still comes is taken
  kDraining,  // no new work; what was accepted is answered
  kStopped,   // nothing is open any more
};

// "LAME_DUCK", for people.
absl::string_view LifePhaseName(LifePhase phase);

// What the phase alone allows; whether there is a model, and whether it works, others know.
// Thread-safe.
class ServerState {
 public:
  ServerState() = default;
  ServerState(const ServerState&) = delete;
  ServerState& operator=(const ServerState&) = delete;

  LifePhase phase() const;

  // ---- What happens ----

  // The load of the start has ended: LOADING becomes SERVING or FAILED. Nothing else does, so a load that a stop
  // overtook changes nothing.
  void NoteLoaded(const absl::Status& status);

  // A stop is wanted; wakes those who wait for it, and changes no phase.
  void RequestStop();

  // SERVING becomes LAME_DUCK. False: it was not serving, so nobody sends work and nobody need be waited for.
  bool EnterLameDuck();

  // Every phase but STOPPED becomes DRAINING.
  void StartDraining();

  // Everything is closed.
  void NoteStopped();

  // ---- What is asked ----

  // OK: new work may come in. Unavailable: it comes too late.
  absl::Status Accepting() const;

  // OK: new work should come in, which is only while SERVING. Unavailable, with the reason.
  absl::Status Ready() const;

  // OK: the load of the start went well. Unavailable: it goes on, or a stop overtook it. Else its error.
  absl::Status Started() const;

  // OK, or the error of the load: a reason to start the process again. A load that goes on is none.
  absl::Status Live() const;

  // When DRAINING began; none while it is not DRAINING.
  std::optional<absl::Time> draining_since() const;

  // ---- What is waited for ----

  // The load's end: OK or its error. Cancelled: a stop was requested before.
  absl::Status WaitUntilLoaded();

  void WaitForStopRequest();

 private:
  void Enter(LifePhase phase) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  mutable Mutex mu_;
  CondVar changed_;
  LifePhase phase_ ABSL_GUARDED_BY(mu_) = LifePhase::kLoading;
  std::optional<absl::Status> loaded_ ABSL_GUARDED_BY(mu_);  // how the load of the start ended
  std::optional<absl::Time> draining_since_ ABSL_GUARDED_BY(mu_);
  bool stop_requested_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_PIPELINE_SERVER_STATE_H_
