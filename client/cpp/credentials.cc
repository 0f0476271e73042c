#include "client/cpp/credentials.h"

#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/files.h"

namespace bayespfl::client {
namespace {

constexpr size_t kMaxPemBytes = size_t{4} << 20;
constexpr size_t kMaxTokenFileBytes = 4096;

// Empty for an empty file name.
absl::StatusOr<std::string> ReadPem(absl::string_view flag, const std::string& file, absl::string_view marker) {
  if (file.empty()) return std::string();
  absl::StatusOr<std::string> pem = ReadFile(file, kMaxPemBytes);
  if (!pem.ok()) return absl::Status(pem.status().code(), absl::StrCat(flag, ": ", pem.status().message()));
  if (absl::StrContains(*pem, "-----BEGIN ") && absl::StrContains(*pem, marker)) return pem;
  return absl::InvalidArgumentError(absl::StrCat(flag, ": ", file, " holds no PEM ", marker));
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> ReadTlsCredentials(const TlsFiles& files) {
  if (files.certificate.empty() != files.key.empty()) {
    return absl::InvalidArgumentError("--tls-cert and --tls-key go together; one of them is missing");
  }
  if (files.ca.empty() && !files.certificate.empty()) {
    return absl::InvalidArgumentError("--tls-cert needs --tls-ca, the authorities of the server's certificate");
  }
  if (files.ca.empty()) return std::shared_ptr<grpc::ChannelCredentials>();
  const absl::StatusOr<std::string> roots = ReadPem("--tls-ca", files.ca, "CERTIFICATE");
  if (!roots.ok()) return roots.status();
  const absl::StatusOr<std::string> chain = ReadPem("--tls-cert", files.certificate, "CERTIFICATE");
  if (!chain.ok()) return chain.status();
  const absl::StatusOr<std::string> key = ReadPem("--tls-key", files.key, "PRIVATE KEY");
  if (!key.ok()) return key.status();
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = *roots;
  options.pem_cert_chain = *chain;
  options.pem_private_key = *key;
  return grpc::SslCredentials(options);
}

absl::StatusOr<std::string> ReadToken(const std::string& file) {
  absl::StatusOr<std::string> text = ReadFile(file, kMaxTokenFileBytes);
  if (!text.ok()) return text;
  std::string token(absl::StripAsciiWhitespace(*text));
  if (token.empty() || absl::StrContains(token, '\n')) {
    return absl::InvalidArgumentError(absl::StrCat(file, " is not one line with a token"));
  }
  return token;
}

}  // namespace bayespfl::client
