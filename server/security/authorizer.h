// Which calls a port lets in. One check for every method of every service, known or not: port_credentials.h asks before
// gRPC looks for the service.
#ifndef BAYESPFL_SERVER_SECURITY_AUTHORIZER_H_
#define BAYESPFL_SERVER_SECURITY_AUTHORIZER_H_

#include <functional>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/security/audit_log.h"
#include "server/security/token_store.h"

namespace bayespfl::server {

// What a method asks of its caller.
enum class Access {
  kOpen,     // grpc.health.v1: probes have no token
  kInspect,  // InspectionService, KServe v2's GRPCInferenceService, server reflection
  kAdmin,    // everything else, so that a new service is closed until somebody thinks about it
};

// `method` is the path of the call, "/bayespfl.inspection.v1.InspectionService/Inspect".
Access AccessOf(absl::string_view method);

// The token of one `authorization` header, "Bearer TOKEN"; the scheme's case does not matter (RFC 6750, RFC 9110).
// Nothing when it is of another form. Points into `header`.
std::optional<absl::string_view> BearerToken(absl::string_view header);

// Whether the holder of a token may have frames of high priority, which come before everybody else's. PermissionDenied:
// his role, which the message names, is not enough, or there is no holder. Thread-safe.
absl::Status CheckHighPriority(const std::optional<Caller>& caller);

// Thread-safe.
class Authorizer {
 public:
  // `on_refused` (may be empty) is called for every refusal. `tokens` and `audit` outlive the authorizer.
  Authorizer(const TokenStore& tokens, const AuditLog& audit, std::function<void(absl::StatusCode)> on_refused);

  // OK, or why the call is refused: Unauthenticated without exactly one `authorization` header with a known token,
  // PermissionDenied when its role is not enough. Messages name the method and never hold what the header held. A
  // refusal of an administrative method for its caller's role is audited; the others are only counted, because anybody
  // can cause them and the log must not fill up.
  absl::Status Authorize(absl::string_view method, absl::Span<const absl::string_view> authorization) const;

 private:
  absl::Status Check(absl::string_view method, absl::Span<const absl::string_view> authorization) const;

  const TokenStore& tokens_;
  const AuditLog& audit_;
  const std::function<void(absl::StatusCode)> on_refused_;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_SECURITY_AUTHORIZER_H_
