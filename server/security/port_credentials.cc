#include "server/security/port_credentials.h"

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/slice.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace bayespfl::server {
namespace {

absl::string_view View(const grpc_slice& slice) {
  return {reinterpret_cast<const char*>(GRPC_SLICE_START_PTR(slice)), GRPC_SLICE_LENGTH(slice)};
}

// grpc_auth_metadata_processor::process. `state` is an Authorizer.
void AuthorizeCall(void* state, grpc_auth_context* /*context*/, const grpc_metadata* metadata, size_t count,
                   grpc_process_auth_metadata_done_cb done, void* user_data) {
  absl::string_view method;
  std::vector<absl::string_view> authorization;
  for (size_t i = 0; i < count; ++i) {
    const absl::string_view key = View(metadata[i].key);
    if (key == ":path") method = View(metadata[i].value);
    if (key == "authorization") authorization.push_back(View(metadata[i].value));
  }
  const absl::Status status = static_cast<const Authorizer*>(state)->Authorize(method, authorization);
  const std::string message(status.message());
  // gRPC's codes are the same numbers.
  done(user_data, nullptr, 0, nullptr, 0, static_cast<grpc_status_code>(status.raw_code()),
       status.ok() ? nullptr : message.c_str());
}

class PortCredentials final : public grpc::ServerCredentials {
 public:
  PortCredentials(const TlsCertificates* tls, const Authorizer* authorizer) : tls_(tls), authorizer_(authorizer) {}

  // AddPortToServer() sets the only one there is.
  void SetAuthMetadataProcessor(const std::shared_ptr<grpc::AuthMetadataProcessor>& /*processor*/) override {
    std::abort();
  }

 private:
  int AddPortToServer(const std::string& address, grpc_server* server) override {
    grpc_server_credentials* credentials = tls_ != nullptr ? MakeTls() : grpc_insecure_server_credentials_create();
    if (authorizer_ != nullptr) {
      grpc_auth_metadata_processor processor{};
      processor.process = AuthorizeCall;
      processor.state = const_cast<Authorizer*>(authorizer_);  // read as const again
      grpc_server_credentials_set_auth_metadata_processor(credentials, processor);
    }
    const int port = grpc_server_add_http2_port(server, address.c_str(), credentials);
    grpc_server_credentials_release(credentials);
    return port;
  }

  grpc_server_credentials* MakeTls() {
    const auto request = tls_->wants_client_certificates() ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY
                                                           : GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE;
    return grpc_ssl_server_credentials_create_with_options(
        grpc_ssl_server_credentials_create_options_using_config_fetcher(request, FetchCertificate, this));
  }

  // grpc_ssl_server_certificate_config_callback; called at the start and before every handshake.
  static grpc_ssl_certificate_config_reload_status FetchCertificate(void* user_data,
                                                                    grpc_ssl_server_certificate_config** config) {
    auto& self = *static_cast<PortCredentials*>(user_data);
    const std::shared_ptr<const TlsMaterial> material = self.tls_->current();
    if (self.served_.exchange(material->generation) == material->generation) {
      return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
    }
    const grpc_ssl_pem_key_cert_pair pair = {material->pem.tls_key.c_str(), material->pem.tls_certificate.c_str()};
    // gRPC 1.51 aborts without any authority, also when it will not ask clients for certificates. The server's own
    // certificate then serves: nothing is ever checked against it.
    const std::string& authority =
        self.tls_->wants_client_certificates() ? material->pem.tls_client_ca : material->pem.tls_certificate;
    *config = grpc_ssl_server_certificate_config_create(authority.c_str(), &pair, 1);
    return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
  }

  const TlsCertificates* const tls_;
  const Authorizer* const authorizer_;
  std::atomic<uint64_t> served_{0};  // generation that gRPC has
};

}  // namespace

std::shared_ptr<grpc::ServerCredentials> MakePortCredentials(const TlsCertificates* tls, const Authorizer* authorizer) {
  return std::make_shared<PortCredentials>(tls, authorizer);
}

}  // namespace bayespfl::server
