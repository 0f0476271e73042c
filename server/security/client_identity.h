// Whose call it is: the key of per-client limits and the "who" of the audit log. No metric label but for holders of a
// token: of the others there are as many as clients care to invent.
#ifndef BAYESPFL_SERVER_SECURITY_CLIENT_IDENTITY_H_
#define BAYESPFL_SERVER_SECURITY_CLIENT_IDENTITY_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "grpcpp/server_context.h"
#include "server/security/token_store.h"

namespace bayespfl::server {

// What stands before a token's name in ClientIdentity::client, and before nothing else.
inline constexpr absl::string_view kTokenClientPrefix = "token:";

struct ClientIdentity {
  // "token:line-3", else "tls:camera-7.plant.example" (the certificate's first alternative name, or its common name),
  // else "peer:" and PeerHost(). At most 256 bytes.
  std::string client;
  std::optional<Caller> caller;  // the token's, if there is one and it is known
  std::string peer;              // as gRPC gives it: "ipv4:10.0.0.7:51234"
};

// `tokens` may be null.
ClientIdentity IdentityOf(const grpc::ServerContextBase& context, const TokenStore* tokens);

// The address of a gRPC peer without its port: "10.0.0.7" of "ipv4:10.0.0.7:51234". Of an IPv6 address the /64, which
// is what one customer is given: "2001:db8:0:1::/64" of "ipv6:%5B2001:db8:0:1::7%5D:51234". What has another form is
// returned as it is.
std::string PeerHost(absl::string_view peer);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_SECURITY_CLIENT_IDENTITY_H_
