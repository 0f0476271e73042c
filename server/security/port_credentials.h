// The credentials of the gRPC port: plain text or TLS, with one check in front of every call.
//
// gRPC 1.51's C++ classes cannot do this: InsecureServerCredentials takes no metadata processor, a server interceptor
// cannot refuse a call, SslServerCredentials cannot change its certificate, and the experimental
// FileWatcherCertificateProvider fails every handshake while certificate and key do not match. The C interface that
// they stand on can:
// - grpc_server_credentials_set_auth_metadata_processor() works for plain text too. It runs before gRPC looks for the
//   method, so health, reflection and services that are yet to be written cannot slip past.
// - grpc_ssl_server_credentials_create_options_using_config_fetcher() asks for the certificate at every handshake.
//   Connections that are open keep theirs.
#ifndef BAYESPFL_SERVER_SECURITY_PORT_CREDENTIALS_H_
#define BAYESPFL_SERVER_SECURITY_PORT_CREDENTIALS_H_

#include <memory>

#include "grpcpp/security/server_credentials.h"
#include "server/security/authorizer.h"
#include "server/security/tls_certificates.h"

namespace bayespfl::server {

// `tls` null: plain text. `authorizer` null: every call is let in. Both, and the credentials themselves, must outlive
// the gRPC server. For one port of one server.
std::shared_ptr<grpc::ServerCredentials> MakePortCredentials(const TlsCertificates* tls, const Authorizer* authorizer);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_SECURITY_PORT_CREDENTIALS_H_
