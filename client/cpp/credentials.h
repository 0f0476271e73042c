// What a client shows to a server and demands of it, from files.
#ifndef BAYESPFL_CLIENT_CPP_CREDENTIALS_H_
#define BAYESPFL_CLIENT_CPP_CREDENTIALS_H_

#include <memory>
#include <string>

#include <grpcpp/security/credentials.h>

#include "absl/status/statusor.h"

namespace bayespfl::client {

// PEM files; errors name them by the flags of the command line.
struct TlsFiles {
  std::string ca;           // --tls-ca: authorities that the server's certificate may come from; empty: no TLS
  std::string certificate;  // --tls-cert: the client's own chain; empty: none
  std::string key;          // --tls-key
};

// Null without `ca`. INVALID_ARGUMENT: a certificate without its key or the other way round, either without `ca`, no
// PEM in a file; or as ReadFile (base/files.h) says.
absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> ReadTlsCredentials(const TlsFiles& files);

// The only line of a file. INVALID_ARGUMENT: more than one; or as ReadFile says.
absl::StatusOr<std::string> ReadToken(const std::string& file);

}  // namespace bayespfl::client

#endif  // BAYESPFL_CLIENT_CPP_CREDENTIALS_H_
