// What clients have open, as gRPC itself counts it (channelz).
#ifndef BAYESPFL_SERVER_RUNTIME_OPEN_CONNECTIONS_H_
#define BAYESPFL_SERVER_RUNTIME_OPEN_CONNECTIONS_H_

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "server/telemetry/state_metrics.h"

namespace bayespfl::server {

struct PeerCalls {
  std::string peer;  // as grpc::ServerContextBase::peer() writes it
  int64_t open = 0;  // on the peer's connection, whether a service has heard of them or not
};

// Of the connections to all gRPC servers of this process whose peers are wanted. Costs some microseconds for each of
// those, and less for each of the others. Thread-safe.
std::vector<PeerCalls> OpenCalls(const std::function<bool(absl::string_view peer)>& wanted);

// Counts what CallCounts says. A call is unheard when gRPC refused its message, which is over its limit: nobody is told
// of one, but gRPC's own counters differ. Thread-safe.
class CallCounter {
 public:
  // As of now, in one walk over all connections. The unheard calls are those since the servers are there, and their
  // number never falls. gRPC's counters are not read at one moment, and a call that is just ending may be over in one
  // of them only: what counts is what three looks in a row saw, a second apart or more. So a call shows from the third
  // look on. Costs as OpenCalls() of all.
  CallCounts Count();

 private:
  static CallCounts Look();

  Mutex mu_;
  std::chrono::steady_clock::time_point looked_ ABSL_GUARDED_BY(mu_);
  std::array<int64_t, 2> before_ ABSL_GUARDED_BY(mu_) = {0, 0};
  int64_t unheard_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_RUNTIME_OPEN_CONNECTIONS_H_
