#include "server/security/port_settings.h"

#include "absl/strings/str_cat.h"
#include "base/loopback_host.h"

namespace bayespfl::server {

absl::Status CheckPortSettings(const PortSettings& settings) {
  const TlsFiles& tls = settings.tls;
  if (tls.tls_certificate.empty() != tls.tls_key.empty()) {
    return absl::InvalidArgumentError("tls_certificate and tls_key go together; one of them is missing");
  }
  if (!tls.tls_client_ca.empty() && tls.tls_certificate.empty()) {
    return absl::InvalidArgumentError("tls_client_ca needs tls_certificate and tls_key");
  }
  const bool readable = tls.tls_certificate.empty() && !IsLoopbackHost(settings.host);
  if (!settings.tokens_file.empty() && readable && !settings.allow_plaintext_tokens) {
    return absl::InvalidArgumentError(absl::StrCat(
        "tokens_file is set, and without tls_certificate everybody on the way to ", settings.host,
        " could read the tokens; set tls_certificate and tls_key, or allow_plaintext_tokens when something "
        "in front of the server encrypts"));
  }
  return absl::OkStatus();
}

}  // namespace bayespfl::server
