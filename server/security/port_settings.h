// What the settings that guard a port must satisfy together, as far as it can be said without opening a file. Both the
// check of the configuration and the port itself ask here.
#ifndef BAYESPFL_SERVER_SECURITY_PORT_SETTINGS_H_
#define BAYESPFL_SERVER_SECURITY_PORT_SETTINGS_H_

#include <string>

#include "absl/status/status.h"
#include "server/security/tls_certificates.h"

namespace bayespfl::server {

// The fields are named like the settings, as errors name them.
struct PortSettings {
  std::string host = {};         // what the port binds to
  TlsFiles tls = {};             // no certificate: plain text
  std::string tokens_file = {};  // empty: no call needs a token
  bool allow_plaintext_tokens = false;
};

// InvalidArgument: half a pair of certificate and key, an authority of clients without them, tokens in plain text on an
// address that other machines can reach. Thread-safe.
absl::Status CheckPortSettings(const PortSettings& settings);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_SECURITY_PORT_SETTINGS_H_
