#include "server/security/authorizer.h"

#include <array>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace bayespfl::server {
namespace {

constexpr absl::string_view kOpenService = "/grpc.health.v1.Health/";
constexpr std::array<absl::string_view, 4> kInspectServices = {
    "/bayespfl.inspection.v1.InspectionService/",
    "/inference.GRPCInferenceService/",  // KServe v2
    "/grpc.reflection.v1alpha.ServerReflection/",
    "/grpc.reflection.v1.ServerReflection/",
};
constexpr size_t kMaxMethodBytes = 200;

// The caller wrote it, so it may be anything.
std::string Printable(absl::string_view method) { return absl::CHexEscape(method.substr(0, kMaxMethodBytes)); }

absl::Status Unauthenticated(absl::string_view method, absl::string_view why) {
  return absl::UnauthenticatedError(
      absl::StrCat(Printable(method), " needs the header `authorization: Bearer TOKEN`; ", why));
}

}  // namespace

Access AccessOf(absl::string_view method) {
  if (absl::StartsWith(method, kOpenService)) return Access::kOpen;
  for (const absl::string_view service : kInspectServices) {
    if (absl::StartsWith(method, service)) return Access::kInspect;
  }
  return Access::kAdmin;
}

std::optional<absl::string_view> BearerToken(absl::string_view header) {
  constexpr absl::string_view kScheme = "bearer ";
  if (!absl::StartsWithIgnoreCase(header, kScheme)) return std::nullopt;
  header.remove_prefix(kScheme.size());
  while (absl::ConsumePrefix(&header, " ")) {
  }
  if (header.empty()) return std::nullopt;
  return header;
}

absl::Status CheckHighPriority(const std::optional<Caller>& caller) {
  if (caller.has_value() && caller->role >= Role::kInspectHigh) return absl::OkStatus();
  const std::string holder = caller.has_value()
                                 ? absl::StrCat("the token of ", caller->name, " has the role ", RoleName(caller->role))
                                 : "the call's token is not known any more";
  return absl::PermissionDeniedError(
      absl::StrCat("high priority needs the role ", RoleName(Role::kInspectHigh), "; ", holder));
}

Authorizer::Authorizer(const TokenStore& tokens, const AuditLog& audit,
                       std::function<void(absl::StatusCode)> on_refused)
    : tokens_(tokens), audit_(audit), on_refused_(std::move(on_refused)) {}

absl::Status Authorizer::Authorize(absl::string_view method, absl::Span<const absl::string_view> authorization) const {
  absl::Status status = Check(method, authorization);
  if (!status.ok() && on_refused_) on_refused_(status.code());
  return status;
}

absl::Status Authorizer::Check(absl::string_view method, absl::Span<const absl::string_view> authorization) const {
  const Access access = AccessOf(method);
  if (access == Access::kOpen) return absl::OkStatus();
  if (authorization.empty()) return Unauthenticated(method, "there is none");
  if (authorization.size() > 1) return Unauthenticated(method, "there are several");
  const std::optional<absl::string_view> token = BearerToken(authorization.front());
  if (!token.has_value()) return Unauthenticated(method, "it has another form");
  const std::optional<Caller> caller = tokens_.Find(*token);
  if (!caller.has_value()) return Unauthenticated(method, "its token is not known");
  if (access == Access::kInspect || caller->role == Role::kAdmin) return absl::OkStatus();
  audit_.Write({.who = caller->name,
                .role = RoleName(caller->role),
                .peer = "",
                .method = method,
                .outcome = "PERMISSION_DENIED",
                .target = ""});
  return absl::PermissionDeniedError(absl::StrCat(Printable(method), " needs the role admin; the token of ",
                                                  caller->name, " has the role ", RoleName(caller->role)));
}

}  // namespace bayespfl::server
