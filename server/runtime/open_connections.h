// How many clients are connected, as gRPC itself counts them (channelz).
#ifndef BAYESPFL_SERVER_RUNTIME_OPEN_CONNECTIONS_H_
#define BAYESPFL_SERVER_RUNTIME_OPEN_CONNECTIONS_H_

#include <cstddef>

namespace bayespfl::server {

// HTTP/2 connections to all gRPC servers of this process. Thread-safe.
size_t OpenConnections();

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_RUNTIME_OPEN_CONNECTIONS_H_
