// Who did what to the server: one line for every administrative call, allowed or refused.
#ifndef BAYESPFL_SERVER_SECURITY_AUDIT_LOG_H_
#define BAYESPFL_SERVER_SECURITY_AUDIT_LOG_H_

#include <string>

#include "absl/strings/string_view.h"
#include "server/telemetry/log.h"

namespace bayespfl::server {

// Views must stay valid during Write() only. Any text may have come from outside.
struct AuditEvent {
  absl::string_view who;   // name of the token, or the client's identity without one; empty: not known
  absl::string_view role;  // "inspect", "admin"; empty: none
  absl::string_view peer;  // address as gRPC gives it; empty: not known. gRPC refuses a call before it says who sent it
  absl::string_view method;   // "/bayespfl.admin.v1.AdminService/SwapModel"
  absl::string_view outcome;  // name of a gRPC code
  absl::string_view target;   // what the call was about, e.g. a model's folder; empty: nothing more than the method
};

// "audit who="robot" role="admin" peer="ipv4:10.0.0.7:51234" method="/..." outcome="OK" target="...""; "-" for what is
// empty. Every value is quoted and escaped, so that one line stays one line.
std::string AuditLine(const AuditEvent& event);

// Thread-safe.
class AuditLog {
 public:
  // Writes where `logger` does, whatever its level, except when that is "off".
  explicit AuditLog(const Logger& logger);

  void Write(const AuditEvent& event) const;

 private:
  Logger logger_;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_SECURITY_AUDIT_LOG_H_
