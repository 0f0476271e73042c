#include "tests/support/certificates.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <utility>

namespace bayespfl::testing {
namespace {

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
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION_free>>;

constexpr long kHour = 3600;

// No test can go on without its certificates.
void Require(bool done, const char* what) {
  if (done) return;
  std::cerr << "OpenSSL failed: " << what << std::endl;
  std::abort();
}

std::string Text(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<size_t>(size)};
}

std::string ToPem(X509* certificate) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  Require(PEM_write_bio_X509(bio.get(), certificate) == 1, "PEM_write_bio_X509");
  return Text(bio.get());
}

std::string ToPem(EVP_PKEY* key) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  Require(PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1, "write key");
  return Text(bio.get());
}

void AddExtension(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  Require(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1, value.c_str());
}

// A certificate with everything but extensions and a signature.
CertificatePtr Draft(const std::string& common_name, EVP_PKEY* key, int days = 1) {
  CertificatePtr certificate(X509_new());
  uint32_t serial = 0;
  Require(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof(serial)) == 1, "RAND_bytes");
  X509_set_version(certificate.get(), 2);  // version 3
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), static_cast<long>(serial));
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -kHour);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), days * 24 * kHour);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0);
  Require(X509_set_pubkey(certificate.get(), key) == 1, "X509_set_pubkey");
  return certificate;
}

}  // namespace

struct Authority::State {
  KeyPtr key;
  CertificatePtr certificate;
};

Authority::Authority(const std::string& name) : state_(std::make_unique<State>()) {
  state_->key.reset(EVP_EC_gen("P-256"));
  state_->certificate = Draft(name, state_->key.get());
  X509* const own = state_->certificate.get();
  X509_set_issuer_name(own, X509_get_subject_name(own));
  AddExtension(own, own, NID_basic_constraints, "critical,CA:TRUE");
  AddExtension(own, own, NID_key_usage, "critical,keyCertSign,cRLSign");
  Require(X509_sign(own, state_->key.get(), EVP_sha256()) != 0, "X509_sign");
  certificate_ = ToPem(own);
}

Authority::~Authority() = default;

CertificateAndKey Authority::Issue(const std::string& common_name, const std::string& alternative_names,
                                   const CertificateOptions& options) const {
  const KeyPtr key(options.small_rsa_key ? EVP_RSA_gen(1024) : EVP_EC_gen("P-256"));
  const CertificatePtr certificate = Draft(common_name, key.get(), options.days);
  X509* const issuer = state_->certificate.get();
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(issuer));
  AddExtension(certificate.get(), issuer, NID_basic_constraints, "CA:FALSE");
  if (!alternative_names.empty()) {
    AddExtension(certificate.get(), issuer, NID_subject_alt_name, alternative_names);
  }
  Require(X509_sign(certificate.get(), state_->key.get(), EVP_sha256()) != 0, "X509_sign");
  return {ToPem(certificate.get()), ToPem(key.get())};
}

std::string EncryptedKey(const std::string& key_pem) {
  const BioPtr reader(BIO_new_mem_buf(key_pem.data(), static_cast<int>(key_pem.size())));
  const KeyPtr key(PEM_read_bio_PrivateKey(reader.get(), nullptr, nullptr, nullptr));
  const BioPtr writer(BIO_new(BIO_s_mem()));
  std::string passphrase("passphrase");
  Require(PEM_write_bio_PrivateKey(writer.get(), key.get(), EVP_aes_128_cbc(),
                                   reinterpret_cast<unsigned char*>(passphrase.data()),
                                   static_cast<int>(passphrase.size()), nullptr, nullptr) == 1,
          "write key");
  return Text(writer.get());
}

}  // namespace bayespfl::testing
