// TCP sockets that listen on the addresses of a host.
#ifndef BAYESPFL_SERVER_RUNTIME_LISTENING_SOCKETS_H_
#define BAYESPFL_SERVER_RUNTIME_LISTENING_SOCKETS_H_

#include <chrono>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/descriptor.h"

namespace bayespfl::server {

struct ListeningSockets {
  std::vector<Descriptor> sockets;  // at least one; none blocks
  int port = 0;                     // of all of them
};

// Listens on every address of `host` (a name, or an address without brackets) that this machine has. The addresses of
// all interfaces, 0.0.0.0 and ::, stand for both families, as they do for gRPC. `port` 0: a free one. Nobody else can
// share the port. A connection whose peer leaves what was sent to it unacknowledged for `user_timeout` is broken off.
// Unavailable: an address is in use, none is of this machine, or it is not permitted; the message says which.
absl::StatusOr<ListeningSockets> ListenOn(const std::string& host, int port, std::chrono::milliseconds user_timeout);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_RUNTIME_LISTENING_SOCKETS_H_
