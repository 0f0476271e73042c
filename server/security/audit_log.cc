#include "server/security/audit_log.h"

#include <string>

namespace bayespfl::server {

void AuditLog::Write(const AuditEvent& event) const {
  LogFields fields;
  const auto add = [&fields](absl::string_view name, absl::string_view value) {
    if (!value.empty()) fields.push_back({name, std::string(value)});
  };
  add("who", event.who);
  add("role", event.role);
  add("peer", event.peer);
  add("request_id", event.request_id);
  add("method", event.method);
  add("target", event.target);
  add("code", event.outcome);
  logger_->Audit("audit", fields);
}

}  // namespace bayespfl::server
