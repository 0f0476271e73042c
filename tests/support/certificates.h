// Certificates for tests, made on the spot, so that none expires in the repository.
#ifndef BAYESPFL_TESTS_SUPPORT_CERTIFICATES_H_
#define BAYESPFL_TESTS_SUPPORT_CERTIFICATES_H_

#include <memory>
#include <string>

namespace bayespfl::testing {

// PEM of a certificate and its key.
struct CertificateAndKey {
  std::string certificate;
  std::string key;
};

struct CertificateOptions {
  bool small_rsa_key = false;  // 1024 bits, which OpenSSL refuses on its default security level; else P-256
  int days = 1;                // valid for, from now
};

// A certificate authority of its own.
class Authority {
 public:
  explicit Authority(const std::string& name);
  ~Authority();
  Authority(const Authority&) = delete;
  Authority& operator=(const Authority&) = delete;

  const std::string& certificate() const { return certificate_; }  // PEM
  // `alternative_names` is in OpenSSL's form, "DNS:localhost,IP:127.0.0.1"; empty: none.
  CertificateAndKey Issue(const std::string& common_name, const std::string& alternative_names,
                          const CertificateOptions& options = {}) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
  std::string certificate_;
};

// For a server on this machine's loopback.
inline constexpr char kLoopbackNames[] = "DNS:localhost,IP:127.0.0.1";

// The key as PEM under a passphrase.
std::string EncryptedKey(const std::string& key_pem);

}  // namespace bayespfl::testing

#endif  // BAYESPFL_TESTS_SUPPORT_CERTIFICATES_H_
