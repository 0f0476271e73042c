// Everything that guards the gRPC port, in one object: TLS, tokens, limits of each client, the audit log.
//
//   absl::StatusOr<std::unique_ptr<PortSecurity>> security = PortSecurity::Create(options, logger);
//   if (!security.ok()) return security.status();
//   builder.AddListeningPort(address, (*security)->credentials(), &port);   // every service of the port is checked
//   ...
//   ClientIdentity identity = (*security)->IdentityOf(*context);            // in a service, for limits and audit
#ifndef BAYESPFL_SERVER_SECURITY_PORT_SECURITY_H_
#define BAYESPFL_SERVER_SECURITY_PORT_SECURITY_H_

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server_context.h"
#include "server/security/audit_log.h"
#include "server/security/authorizer.h"
#include "server/security/client_identity.h"
#include "server/security/client_limits.h"
#include "server/security/reload_thread.h"
#include "server/security/tls_certificates.h"
#include "server/security/token_store.h"
#include "server/telemetry/log.h"

namespace bayespfl::server {

// Errors name the fields, which are the settings' names.
struct PortSecurityOptions {
  std::string host = "127.0.0.1";  // what the port binds to; decides what plain text may carry
  TlsFiles tls = {};               // no certificate: plain text
  std::string tokens_file = {};    // empty: no call needs a token
  bool allow_plaintext_tokens = false;
  std::chrono::seconds reload_interval{10};  // >= 1; files are looked at this often
  ClientLimitsOptions limits = {};
  std::function<void(absl::StatusCode)> on_call_refused = {};  // once for every call without permission; may be empty
  std::function<void(absl::Time)> on_certificate = {};  // when it expires: of the first one and of each that replaces
                                                        // it; may be empty
  std::function<void(const std::vector<std::string>& names)> on_tokens = {};  // the names in tokens_file: of the first
                                                                              // reading and of each that replaces it;
                                                                              // may be empty
};

struct CertificateState {
  std::string sha256;  // of its DER form, 64 hexadecimal digits
  absl::Time not_after;
};
struct TokensState {
  std::string sha256;  // of the file's content, 64 hexadecimal digits
  size_t tokens = 0;
};

// What is in force of the files.
struct SecurityFiles {
  std::optional<CertificateState> certificate;  // absent: plain text
  std::optional<TokensState> tokens;            // absent: no call needs one
};

// Thread-safe. Outlives the gRPC server and its services.
class PortSecurity {
 public:
  // InvalidArgument: settings that contradict each other, tokens over plain text on an address that others can reach,
  // or a file as TlsCertificates::Load() and TokenStore::Load() say. Warns in the log when anybody who can reach the
  // port may call.
  static absl::StatusOr<std::unique_ptr<PortSecurity>> Create(PortSecurityOptions options, const Logger& logger);
  PortSecurity(const PortSecurity&) = delete;
  PortSecurity& operator=(const PortSecurity&) = delete;

  const std::shared_ptr<grpc::ServerCredentials>& credentials() const { return credentials_; }
  ClientIdentity IdentityOf(const grpc::ServerContextBase& context) const;
  // OK: its frames may have high priority, as everybody's may where calls need no token. PermissionDenied: as
  // CheckHighPriority() says.
  absl::Status CheckHighPriority(const ClientIdentity& identity) const;
  ClientLimits& limits() { return limits_; }
  const AuditLog& audit_log() const { return audit_log_; }
  SecurityFiles files() const;

  // ReloadThread::ReloadNow().
  void ReloadNow() { reload_.ReloadNow(); }

 private:
  PortSecurity(PortSecurityOptions options, std::unique_ptr<TlsCertificates> tls, std::unique_ptr<TokenStore> tokens,
               const Logger& logger);

  const AuditLog audit_log_;
  ClientLimits limits_;
  const std::unique_ptr<TlsCertificates> tls_;    // null: plain text
  const std::unique_ptr<TokenStore> tokens_;      // null: no call needs a token
  const std::unique_ptr<Authorizer> authorizer_;  // null: the same
  const std::shared_ptr<grpc::ServerCredentials> credentials_;
  ReloadThread reload_;  // last: it uses the others
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_SECURITY_PORT_SECURITY_H_
