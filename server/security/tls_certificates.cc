#include "server/security/tls_certificates.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>
#include <cstddef>
#include <ctime>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/files.h"

namespace bayespfl::server {
namespace {

constexpr size_t kMaxPemBytes = size_t{4} << 20;  // a bundle of all public authorities has a quarter of a megabyte

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using BioPtr = std::unique_ptr<BIO, Deleter<BIO_free>>;
using CertificatePtr = std::unique_ptr<X509, Deleter<X509_free>>;
using ContextPtr = std::unique_ptr<SSL_CTX, Deleter<SSL_CTX_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;

BioPtr Reader(const std::string& pem) { return BioPtr(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()))); }

// Without it OpenSSL would ask at the terminal.
int NoPassphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*data*/) { return -1; }

// What OpenSSL said last; its errors are forgotten then.
std::string TakeReason() {
  const char* const reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return reason != nullptr ? reason : "OpenSSL gives no reason";
}

// At least one.
absl::StatusOr<std::vector<CertificatePtr>> Certificates(const std::string& pem, const char* setting) {
  const BioPtr reader = Reader(pem);
  std::vector<CertificatePtr> certificates;
  for (;;) {
    CertificatePtr certificate(PEM_read_bio_X509(reader.get(), nullptr, NoPassphrase, nullptr));
    if (certificate == nullptr) break;
    certificates.push_back(std::move(certificate));
  }
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  const std::string reason = TakeReason();
  if (!at_end) return absl::InvalidArgumentError(absl::StrCat(setting, " holds a damaged certificate: ", reason));
  if (certificates.empty()) return absl::InvalidArgumentError(absl::StrCat(setting, " holds no PEM certificate"));
  return certificates;
}

absl::StatusOr<KeyPtr> PrivateKey(const std::string& pem) {
  KeyPtr key(PEM_read_bio_PrivateKey(Reader(pem).get(), nullptr, NoPassphrase, nullptr));
  ERR_clear_error();
  if (key == nullptr) {
    return absl::InvalidArgumentError("tls_key holds no PEM private key, or one that needs a passphrase");
  }
  return key;
}

// Hands everything to OpenSSL as gRPC will do, whose own refusal names nothing.
absl::Status TryOut(const std::vector<CertificatePtr>& chain, EVP_PKEY* key) {
  const auto refused = [](const char* setting) {
    return absl::InvalidArgumentError(absl::StrCat(setting, " is refused by OpenSSL: ", TakeReason()));
  };
  const ContextPtr context(SSL_CTX_new(TLS_server_method()));
  if (context == nullptr) return absl::InternalError(absl::StrCat("OpenSSL makes no TLS context: ", TakeReason()));
  if (SSL_CTX_use_certificate(context.get(), chain.front().get()) != 1) return refused("tls_certificate");
  for (size_t i = 1; i < chain.size(); ++i) {
    if (SSL_CTX_add1_chain_cert(context.get(), chain[i].get()) != 1) return refused("tls_certificate");
  }
  if (SSL_CTX_use_PrivateKey(context.get(), key) != 1) return refused("tls_key");
  return absl::OkStatus();
}

absl::Time ExpiryOf(const X509& certificate) {
  std::tm time{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(&certificate), &time) != 1) return absl::InfiniteFuture();
  return absl::FromTM(time, absl::UTCTimeZone());
}

// Empty: OpenSSL cannot.
std::string FingerprintOf(const X509& certificate) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (X509_digest(&certificate, EVP_sha256(), digest.data(), &size) != 1) return "";
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(digest.data()), size));
}

absl::StatusOr<std::string> ReadPem(const std::string& file, const char* setting) {
  absl::StatusOr<std::string> text = ReadFile(file, kMaxPemBytes);
  if (text.ok()) return text;
  return absl::Status(text.status().code(), absl::StrCat(setting, ": ", text.status().message()));
}

absl::StatusOr<TlsFiles> ReadAll(const TlsFiles& files) {
  TlsFiles pem;
  absl::StatusOr<std::string> text = ReadPem(files.tls_certificate, "tls_certificate");
  if (!text.ok()) return text.status();
  pem.tls_certificate = *std::move(text);
  text = ReadPem(files.tls_key, "tls_key");
  if (!text.ok()) return text.status();
  pem.tls_key = *std::move(text);
  if (files.tls_client_ca.empty()) return pem;
  text = ReadPem(files.tls_client_ca, "tls_client_ca");
  if (!text.ok()) return text.status();
  pem.tls_client_ca = *std::move(text);
  return pem;
}

bool Same(const TlsFiles& a, const TlsFiles& b) {
  return a.tls_certificate == b.tls_certificate && a.tls_key == b.tls_key && a.tls_client_ca == b.tls_client_ca;
}

}  // namespace

absl::StatusOr<TlsMaterial> CheckTls(TlsFiles pem) {
  const absl::StatusOr<std::vector<CertificatePtr>> chain = Certificates(pem.tls_certificate, "tls_certificate");
  if (!chain.ok()) return chain.status();
  const absl::StatusOr<KeyPtr> key = PrivateKey(pem.tls_key);
  if (!key.ok()) return key.status();
  const bool match = X509_check_private_key(chain->front().get(), key->get()) == 1;
  ERR_clear_error();
  if (!match) return absl::InvalidArgumentError("tls_key does not belong to tls_certificate");
  const absl::Status tried = TryOut(*chain, key->get());
  if (!tried.ok()) return tried;
  if (!pem.tls_client_ca.empty()) {
    const absl::StatusOr<std::vector<CertificatePtr>> authorities = Certificates(pem.tls_client_ca, "tls_client_ca");
    if (!authorities.ok()) return authorities.status();
  }
  const X509& own = *chain->front();
  return TlsMaterial{.pem = std::move(pem), .not_after = ExpiryOf(own), .sha256 = FingerprintOf(own)};
}

absl::StatusOr<std::unique_ptr<TlsCertificates>> TlsCertificates::Load(TlsFiles files) {
  auto certificates = std::unique_ptr<TlsCertificates>(new TlsCertificates(std::move(files)));
  const absl::StatusOr<bool> loaded = certificates->Reload();
  if (!loaded.ok()) return loaded.status();
  return certificates;
}

std::shared_ptr<const TlsMaterial> TlsCertificates::current() const {
  MutexLock lock(mu_);
  return current_;
}

absl::StatusOr<bool> TlsCertificates::Reload() {
  absl::StatusOr<TlsFiles> pem = ReadAll(files_);
  if (!pem.ok()) return pem.status();
  MutexLock lock(mu_);
  if (current_ != nullptr && Same(current_->pem, *pem)) return false;
  absl::StatusOr<TlsMaterial> material = CheckTls(*std::move(pem));
  if (!material.ok()) {
    const std::string& authority = files_.tls_client_ca;
    return absl::Status(material.status().code(),
                        absl::StrCat(material.status().message(), " (tls_certificate = ", files_.tls_certificate,
                                     ", tls_key = ", files_.tls_key,
                                     authority.empty() ? "" : absl::StrCat(", tls_client_ca = ", authority), ")"));
  }
  material->generation = current_ == nullptr ? 1 : current_->generation + 1;
  current_ = std::make_shared<const TlsMaterial>(*std::move(material));
  return true;
}

}  // namespace bayespfl::server
