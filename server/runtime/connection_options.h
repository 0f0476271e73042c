// How the gRPC ports treat connections, whatever calls run on them: how many there are and what they may hold, whether
// a peer is still there, how often it may ask the same, and how old a connection may get.
#ifndef BAYESPFL_SERVER_RUNTIME_CONNECTION_OPTIONS_H_
#define BAYESPFL_SERVER_RUNTIME_CONNECTION_OPTIONS_H_

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "grpcpp/server_builder.h"

namespace bayespfl::server {

struct ConnectionOptions {
  size_t max_connections = 512;  // >= 1; open at once
  int max_calls = 100;           // >= 1; of one connection, at once; its client keeps back more

  // What all connections of the port may hold of messages that are coming in (ConnectionTable). At half as much again
  // gRPC itself ends calls, of whoever came first, with RESOURCE_EXHAUSTED: the last resort.
  int64_t max_incoming_bytes = int64_t{256} << 20;

  std::chrono::seconds keepalive_time{30};     // a connection that is quiet for so long is asked with a ping,
  std::chrono::seconds keepalive_timeout{10};  // and closed, its calls cancelled, when no answer comes in this time

  // A client may ping this often, with calls or without. A little sooner is taken for the network's doing; whoever
  // does it again and again gets GOAWAY with ENHANCE_YOUR_CALM, "too_many_pings".
  std::chrono::seconds min_ping_interval{5};

  // Give or take a tenth; then the client gets GOAWAY and takes a new connection for its next call. 0: never.
  std::chrono::seconds max_age{0};
  // After that; then what is still open on the connection is cancelled.
  std::chrono::seconds max_grace{360};
};

// Sets what a port that `builder` makes does with its connections, but for max_connections, which is a
// ConnectionAcceptor's. Each time is under 24 days.
void ApplyConnectionOptions(const ConnectionOptions& options, grpc::ServerBuilder& builder);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_RUNTIME_CONNECTION_OPTIONS_H_
