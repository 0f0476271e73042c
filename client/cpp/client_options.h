// How the clients of this library reach a server.
#ifndef BAYESPFL_CLIENT_CPP_CLIENT_OPTIONS_H_
#define BAYESPFL_CLIENT_CPP_CLIENT_OPTIONS_H_

#include <grpcpp/security/credentials.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace bayespfl::client {

struct ClientOptions {
  // "host:port", "[IPv6]:port", or a gRPC target with a scheme such as "dns:///..." or "unix:...".
  std::string target = "127.0.0.1:50051";

  // Deadline of each unary call, the first connection included; > 0.
  absl::Duration timeout = absl::Seconds(60);

  // Largest message to the server, bytes, at least 1 MiB. The default is the server's own limit: a picture of 64 MiB
  // and 1 MiB for everything around it.
  int max_message_bytes = 65 << 20;

  // Largest message from the server, bytes, at least 1 MiB. The default has room for the inspected picture as PNG, an
  // 8-bit map and a mask of 100 million pixels each, the most that a server takes unless told otherwise.
  int max_reply_bytes = 512 << 20;

  // Null: plain text.
  std::shared_ptr<grpc::ChannelCredentials> credentials;

  // Sent with every call as `authorization: Bearer TOKEN`; empty: none.
  std::string token;

  // Lets `token` go in plain text to another machine, where everybody on the way can read it.
  bool allow_plaintext_token = false;
};

// INVALID_ARGUMENT unless gRPC can take `target` (see ClientOptions::target).
absl::Status CheckTarget(absl::string_view target);

}  // namespace bayespfl::client

#endif  // BAYESPFL_CLIENT_CPP_CLIENT_OPTIONS_H_
