// How the clients of this library reach a server.
#ifndef BAYESPFL_CLIENT_CLIENT_OPTIONS_H_
#define BAYESPFL_CLIENT_CLIENT_OPTIONS_H_

#include <grpcpp/security/credentials.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace bayespfl::client {

struct ClientOptions {
  // "host:port", "[IPv6]:port", or a gRPC target with a scheme such as "dns:///..." or "unix:...". Where a name has
  // several addresses, calls go round robin over those whose servers are healthy.
  std::string target = "127.0.0.1:50051";

  // Of each unary call, the first connection and all attempts together; > 0.
  absl::Duration timeout = absl::Seconds(60);

  // How long calls are tried before a server was reached for the first time, > 0: an address that is wrong should be
  // told soon. Afterwards an outage is waited out, within each call's time.
  absl::Duration connect_timeout = absl::Seconds(5);

  // Lifts `connect_timeout`: for a client that may start before its server.
  bool wait_for_ready = false;

  // While a call runs, the server is pinged this often, at least 10 ms, ...
  absl::Duration keepalive_time = absl::Seconds(10);
  // ... and the connection counts as broken when the answer takes longer, at least 10 ms.
  absl::Duration keepalive_timeout = absl::Seconds(5);

  // Pause between two questions for a name's addresses, >= 0.
  absl::Duration min_dns_interval = absl::Seconds(30);

  // Largest message to the server, bytes, at least 1 MiB. The default is the server's own limit: a picture of 64 MiB
  // and 1 MiB for everything around it.
  int max_message_bytes = 65 << 20;

  // Largest message from the server, bytes, at least 1 MiB. The default has room for the inspected picture as PNG, an
  // 8-bit map and a mask of 100 million pixels each, the most that a server takes unless told otherwise.
  int max_reply_bytes = 512 << 20;

  // Null: plain text.
  std::shared_ptr<grpc::ChannelCredentials> credentials = nullptr;

  // Another name than the target's that the server's certificate is for; empty: the target's. With credentials alone.
  std::string tls_server_name = {};

  // Sent with every call as `authorization: Bearer TOKEN`; empty: none.
  std::string token = {};

  // Lets `token` go in plain text to another machine, where everybody on the way can read it.
  bool allow_plaintext_token = false;
};

// INVALID_ARGUMENT unless gRPC can take `target` (see ClientOptions::target).
absl::Status CheckTarget(absl::string_view target);

}  // namespace bayespfl::client

#endif  // BAYESPFL_CLIENT_CLIENT_OPTIONS_H_
