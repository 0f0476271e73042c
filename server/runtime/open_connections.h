// How many clients are connected, and what they have open, as gRPC itself counts it (channelz).
#ifndef BAYESPFL_SERVER_RUNTIME_OPEN_CONNECTIONS_H_
#define BAYESPFL_SERVER_RUNTIME_OPEN_CONNECTIONS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace bayespfl::server {

// HTTP/2 connections to all gRPC servers of this process. Thread-safe.
size_t OpenConnections();

struct PeerCalls {
  std::string peer;  // as grpc::ServerContextBase::peer() writes it
  int64_t open = 0;  // on the peer's connection, whether a service has heard of them or not
};

// Of the connections to all gRPC servers of this process whose peers are wanted. Costs some microseconds for each of
// those, and less for each of the others. Thread-safe.
std::vector<PeerCalls> OpenCalls(const std::function<bool(absl::string_view peer)>& wanted);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_RUNTIME_OPEN_CONNECTIONS_H_
