#include "server/security/tls_certificates.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cstddef>
#include <ctime>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
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
using KeyPtr = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;

BioPtr Reader(const std::string& pem) { return BioPtr(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()))); }

// Without it OpenSSL would ask at the terminal.
int NoPassphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*data*/) { return -1; }

absl::StatusOr<CertificatePtr> FirstCertificate(const std::string& pem, const char* setting) {
  CertificatePtr certificate(PEM_read_bio_X509(Reader(pem).get(), nullptr, NoPassphrase, nullptr));
  ERR_clear_error();
  if (certificate == nullptr) return absl::InvalidArgumentError(absl::StrCat(setting, " holds no PEM certificate"));
  return certificate;
}

absl::StatusOr<KeyPtr> PrivateKey(const std::string& pem) {
  KeyPtr key(PEM_read_bio_PrivateKey(Reader(pem).get(), nullptr, NoPassphrase, nullptr));
  ERR_clear_error();
  if (key == nullptr) {
    return absl::InvalidArgumentError("tls_key holds no PEM private key, or one that needs a passphrase");
  }
  return key;
}

absl::Time ExpiryOf(const X509& certificate) {
  std::tm time{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(&certificate), &time) != 1) return absl::InfiniteFuture();
  return absl::FromTM(time, absl::UTCTimeZone());
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
  const absl::StatusOr<CertificatePtr> certificate = FirstCertificate(pem.tls_certificate, "tls_certificate");
  if (!certificate.ok()) return certificate.status();
  const absl::StatusOr<KeyPtr> key = PrivateKey(pem.tls_key);
  if (!key.ok()) return key.status();
  const bool match = X509_check_private_key(certificate->get(), key->get()) == 1;
  ERR_clear_error();
  if (!match) return absl::InvalidArgumentError("tls_key does not belong to tls_certificate");
  if (!pem.tls_client_ca.empty()) {
    const absl::StatusOr<CertificatePtr> authority = FirstCertificate(pem.tls_client_ca, "tls_client_ca");
    if (!authority.ok()) return authority.status();
  }
  const absl::Time not_after = ExpiryOf(**certificate);
  return TlsMaterial{.pem = std::move(pem), .not_after = not_after};
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
