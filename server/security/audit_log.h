// Who did what to the server: one line for every administrative call, allowed or refused.
#ifndef BAYESPFL_SERVER_SECURITY_AUDIT_LOG_H_
#define BAYESPFL_SERVER_SECURITY_AUDIT_LOG_H_

#include <utility>

#include "absl/strings/string_view.h"
#include "server/telemetry/log.h"

namespace bayespfl::server {

// Views must stay valid during Write() only. Any text may have come from outside.
struct AuditEvent {
  absl::string_view who;   // name of the token, or the client's identity without one; empty: not known
  absl::string_view role;  // "inspect", "admin"; empty: none
  absl::string_view peer;  // address as gRPC gives it; empty: not known. gRPC refuses a call before it says who sent it
  absl::string_view method;   // "/bayespfl.admin.v1.ModelAdminService/LoadModel"
  absl::string_view outcome;  // name of a gRPC code
  absl::string_view target;   // what the call was about, e.g. a model's folder; empty: nothing more than the method
  absl::string_view request_id = {};  // ties the line to the call's others; empty: not known
};

// Thread-safe.
class AuditLog {
 public:
  // Writes to `logger`, whatever its level, except when that is "off".
  explicit AuditLog(Logger logger) : logger_(std::move(logger)) {}

  // A line "audit" with those fields that are not empty.
  void Write(const AuditEvent& event) const;

 private:
  const Logger logger_;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_SECURITY_AUDIT_LOG_H_
