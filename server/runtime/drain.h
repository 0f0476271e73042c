// The first half of a graceful stop: from serving, over "not ready and serving", to draining.
//
//   Drain drain(*state, {.delay = ..., .end_streams = ..., .on_phase = ...}, logger);
//   drain.Begin();  // an operator's drain, or the stop of the process; the first of them begins it
//   drain.Wait();   // nothing new is accepted when it returns
#ifndef BAYESPFL_SERVER_RUNTIME_DRAIN_H_
#define BAYESPFL_SERVER_RUNTIME_DRAIN_H_

#include <chrono>
#include <functional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "server/pipeline/server_state.h"
#include "server/telemetry/log.h"

namespace bayespfl::server {

// The functions are called by several threads, and must be given.
struct DrainOptions {
  std::chrono::seconds delay{0};      // >= 0; how long a server that was serving takes new work all the same
  std::function<void()> end_streams;  // CallRegistry::EndStreams()
  std::function<void()> on_phase;     // the state's phase has changed
};

// Thread-safe, but for the destructor.
class Drain {
 public:
  // `state` outlives the drain.
  Drain(ServerState& state, DrainOptions options, Logger logger);
  ~Drain();  // Wait()
  Drain(const Drain&) = delete;
  Drain& operator=(const Drain&) = delete;

  // Begins, unless it has begun. Not ready any more when it returns, which it does at once; draining after `delay`, or
  // at once when nobody was served.
  void Begin();

  // Waits until what has begun is done. One thread at a time; none calls Begin() for the first time meanwhile.
  void Wait();

 private:
  void Run(bool wait_for_balancers);

  ServerState& state_;
  const DrainOptions options_;
  const Logger logger_;

  Mutex mu_;
  bool begun_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;  // made under mu_ and joined by Wait()
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_RUNTIME_DRAIN_H_
