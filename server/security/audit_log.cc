#include "server/security/audit_log.h"

#include "absl/strings/str_cat.h"

namespace bayespfl::server {
namespace {

std::string Value(absl::string_view text) { return text.empty() ? std::string("-") : EscapeForLog(text); }

}  // namespace

std::string AuditLine(const AuditEvent& event) {
  return absl::StrCat("audit who=", Value(event.who), " role=", Value(event.role), " peer=", Value(event.peer),
                      " method=", Value(event.method), " outcome=", Value(event.outcome),
                      " target=", Value(event.target));
}

AuditLog::AuditLog(const Logger& logger) : logger_(logger->clone(logger->name())) {
  if (logger->level() == spdlog::level::off) return;
  logger_->set_level(spdlog::level::info);
  logger_->flush_on(spdlog::level::info);
}

void AuditLog::Write(const AuditEvent& event) const { logger_->info("{}", AuditLine(event)); }

}  // namespace bayespfl::server
