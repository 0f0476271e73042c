// What clients have open, as gRPC itself counts it (channelz).
#ifndef BAYESPFL_SERVER_RUNTIME_OPEN_CONNECTIONS_H_
#define BAYESPFL_SERVER_RUNTIME_OPEN_CONNECTIONS_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace bayespfl::server {

struct PeerCalls {
  std::string peer;  // as grpc::ServerContextBase::peer() writes it
  int64_t open = 0;  // on the peer's connection, whether a service has heard of them or not
};

// Of the connections to all gRPC servers of this process whose peers are wanted. Costs some microseconds for each of
// those, and less for each of the others. Thread-safe.
std::vector<PeerCalls> OpenCalls(const std::function<bool(absl::string_view peer)>& wanted);

// Open on one connection, of all to gRPC servers of this process: the most. Costs as OpenCalls() of all. Thread-safe.
int64_t MostCalls();

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_RUNTIME_OPEN_CONNECTIONS_H_
