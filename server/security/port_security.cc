#include "server/security/port_security.h"

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/loopback_host.h"
#include "server/security/port_credentials.h"
#include "server/security/port_settings.h"

namespace bayespfl::server {
namespace {

using OnCertificate = std::function<void(absl::Time)>;
using OnTokens = std::function<void(const std::vector<std::string>&)>;

void AnnounceCertificate(const TlsCertificates& tls, const OnCertificate& on_certificate, const Logger& logger) {
  const absl::Time not_after = tls.current()->not_after;
  logger->Info("TLS is on", {{"certificate_expires", FormatTimestamp(not_after)}});
  if (not_after <= absl::Now()) logger->Warning("tls_certificate has expired; clients will refuse it");
  if (on_certificate) on_certificate(not_after);
}

void AnnounceTokens(const TokenStore& tokens, const OnTokens& on_tokens) {
  if (on_tokens) on_tokens(tokens.names());
}

void LogState(const PortSecurityOptions& options, const TlsCertificates* tls, const TokenStore* tokens,
              const Logger& logger) {
  if (tls != nullptr) AnnounceCertificate(*tls, options.on_certificate, logger);
  if (tokens != nullptr) {
    logger->Info("calls need a token", {{"tokens", uint64_t{tokens->size()}}});
    AnnounceTokens(*tokens, options.on_tokens);
  }
  if (tokens != nullptr || IsLoopbackHost(options.host) || !options.tls.tls_client_ca.empty()) return;
  logger->Warning("anybody who can reach the port may call: neither tokens_file nor tls_client_ca is set",
                  {{"host", options.host}});
}

std::vector<ReloadThread::Source> Sources(TlsCertificates* tls, TokenStore* tokens, OnCertificate on_certificate,
                                          OnTokens on_tokens, const Logger& logger) {
  std::vector<ReloadThread::Source> sources;
  if (tls != nullptr) {
    sources.push_back({"TLS certificate", [tls, on_certificate = std::move(on_certificate), logger] {
                         absl::StatusOr<bool> changed = tls->Reload();
                         if (changed.ok() && *changed) AnnounceCertificate(*tls, on_certificate, logger);
                         return changed;
                       }});
  }
  if (tokens != nullptr) {
    sources.push_back({"tokens_file", [tokens, on_tokens = std::move(on_tokens)] {
                         absl::StatusOr<bool> changed = tokens->Reload();
                         if (changed.ok() && *changed) AnnounceTokens(*tokens, on_tokens);
                         return changed;
                       }});
  }
  return sources;
}

}  // namespace

absl::StatusOr<std::unique_ptr<PortSecurity>> PortSecurity::Create(PortSecurityOptions options, const Logger& logger) {
  const absl::Status combination = CheckPortSettings({.host = options.host,
                                                      .tls = options.tls,
                                                      .tokens_file = options.tokens_file,
                                                      .allow_plaintext_tokens = options.allow_plaintext_tokens});
  if (!combination.ok()) return combination;
  std::unique_ptr<TlsCertificates> tls;
  if (!options.tls.tls_certificate.empty()) {
    absl::StatusOr<std::unique_ptr<TlsCertificates>> loaded = TlsCertificates::Load(options.tls);
    if (!loaded.ok()) return loaded.status();
    tls = *std::move(loaded);
  }
  std::unique_ptr<TokenStore> tokens;
  if (!options.tokens_file.empty()) {
    absl::StatusOr<std::unique_ptr<TokenStore>> loaded = TokenStore::Load(options.tokens_file);
    if (!loaded.ok()) {
      return absl::Status(loaded.status().code(), absl::StrCat("tokens_file: ", loaded.status().message()));
    }
    tokens = *std::move(loaded);
  }
  LogState(options, tls.get(), tokens.get(), logger);
  return std::unique_ptr<PortSecurity>(new PortSecurity(std::move(options), std::move(tls), std::move(tokens), logger));
}

PortSecurity::PortSecurity(PortSecurityOptions options, std::unique_ptr<TlsCertificates> tls,
                           std::unique_ptr<TokenStore> tokens, const Logger& logger)
    : audit_log_(logger),
      limits_(std::move(options.limits)),
      tls_(std::move(tls)),
      tokens_(std::move(tokens)),
      authorizer_(tokens_ == nullptr
                      ? nullptr
                      : std::make_unique<Authorizer>(*tokens_, audit_log_, std::move(options.on_call_refused))),
      credentials_(MakePortCredentials(tls_.get(), authorizer_.get())),
      reload_(
          Sources(tls_.get(), tokens_.get(), std::move(options.on_certificate), std::move(options.on_tokens), logger),
          options.reload_interval, logger) {}

ClientIdentity PortSecurity::IdentityOf(const grpc::ServerContextBase& context) const {
  return server::IdentityOf(context, tokens_.get());
}

absl::Status PortSecurity::CheckHighPriority(const ClientIdentity& identity) const {
  return tokens_ == nullptr ? absl::OkStatus() : server::CheckHighPriority(identity.caller);
}

SecurityFiles PortSecurity::files() const {
  SecurityFiles files;
  if (tls_ != nullptr) {
    const std::shared_ptr<const TlsMaterial> current = tls_->current();
    files.certificate = CertificateState{.sha256 = current->sha256, .not_after = current->not_after};
  }
  if (tokens_ != nullptr) files.tokens = TokensState{.sha256 = tokens_->digest(), .tokens = tokens_->size()};
  return files;
}

}  // namespace bayespfl::server
