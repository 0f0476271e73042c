// The server's certificate, its key, and the authority of the clients' certificates, read again when they change.
#ifndef BAYESPFL_SERVER_SECURITY_TLS_CERTIFICATES_H_
#define BAYESPFL_SERVER_SECURITY_TLS_CERTIFICATES_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/mutex.h"

namespace bayespfl::server {

// PEM files, or their contents. The fields are named like the settings, as errors name them.
struct TlsFiles {
  std::string tls_certificate = {};  // the server's own first, then the authorities between
  std::string tls_key = {};          // without a passphrase
  std::string tls_client_ca = {};    // empty: clients need no certificate
};

// What a handshake uses: contents that belong together.
struct TlsMaterial {
  TlsFiles pem;
  absl::Time not_after;     // when the server's certificate expires
  std::string sha256;       // its fingerprint: of its DER form, 64 hexadecimal digits
  uint64_t generation = 0;  // grows with every change
};

// InvalidArgument, with the setting that is to blame: no certificate or key in the PEM, a damaged one, a key that needs
// a passphrase, a key of another certificate, and whatever else OpenSSL would refuse when gRPC hands it over (a key
// that is too small for the security level, say), with OpenSSL's reason.
absl::StatusOr<TlsMaterial> CheckTls(TlsFiles pem);

// Thread-safe.
class TlsCertificates {
 public:
  // Errors as ReadFile's (base/files.h) and CheckTls', with setting and file.
  static absl::StatusOr<std::unique_ptr<TlsCertificates>> Load(TlsFiles files);

  std::shared_ptr<const TlsMaterial> current() const;
  bool wants_client_certificates() const { return !files_.tls_client_ca.empty(); }

  // Reads the files again. True: they replace the old ones; false: nothing has changed. After an error the old ones
  // stay, so that a rotation that is half done, the certificate new and the key old, breaks no handshake.
  absl::StatusOr<bool> Reload();

 private:
  explicit TlsCertificates(TlsFiles files) : files_(std::move(files)) {}

  const TlsFiles files_;
  mutable Mutex mu_;
  std::shared_ptr<const TlsMaterial> current_ ABSL_GUARDED_BY(mu_);
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_SECURITY_TLS_CERTIFICATES_H_
