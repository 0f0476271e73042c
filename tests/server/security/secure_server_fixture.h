// A server with certificates and tokens, and clients of it.
#ifndef BAYESPFL_TESTS_SERVER_SECURITY_SECURE_SERVER_FIXTURE_H_
#define BAYESPFL_TESTS_SERVER_SECURITY_SECURE_SERVER_FIXTURE_H_

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "bayespfl/inspection/v1/inspection.grpc.pb.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "server/runtime/server.h"
#include "server/security/token_store.h"
#include "tests/server/raw_call.h"
#include "tests/server/server_fixture.h"
#include "tests/server/until.h"
#include "tests/support/certificates.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl::server {

namespace v1 = inspection::v1;
using testing::Authority;
using testing::CertificateAndKey;
using StreamClient = grpc::ClientReaderWriter<v1::InspectStreamRequest, v1::InspectStreamResponse>;

inline constexpr std::chrono::seconds kPatience(30);  // for what happens within a second or two
inline constexpr int kCallsAfterAReload = 20;         // which show what the reload has changed

inline v1::Image Picture() {
  v1::Image image;
  v1::RawImage& raw = *image.mutable_raw();
  raw.set_width(2);
  raw.set_height(2);
  raw.set_pfnc_pixel_format(0x01080001);
  raw.set_data("1234");
  return image;
}

inline v1::InspectRequest Request() {
  v1::InspectRequest request;
  *request.mutable_image() = Picture();
  request.mutable_options()->set_category("nut");
  return request;
}

// A connection of its own, with a deadline for every call.
class Client {
 public:
  Client(const std::string& address, const std::shared_ptr<grpc::ChannelCredentials>& credentials,
         std::string token = "")
      : token_(std::move(token)) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    channel_ = grpc::CreateCustomChannel(address, credentials, arguments);
    stub_ = v1::InspectionService::NewStub(channel_);
  }

  void Prepare(grpc::ClientContext& context) const {
    context.set_deadline(std::chrono::system_clock::now() + kPatience);
    if (!token_.empty()) context.AddMetadata("authorization", absl::StrCat("Bearer ", token_));
  }

  grpc::Status Inspect() const {
    grpc::ClientContext context;
    return Inspect(context);
  }
  grpc::Status Inspect(grpc::ClientContext& context) const {
    Prepare(context);
    v1::InspectResponse response;
    return stub_->Inspect(&context, Request(), &response);
  }

  grpc::Status Health() const {
    grpc::ClientContext context;
    Prepare(context);
    grpc::health::v1::HealthCheckResponse response;
    return grpc::health::v1::Health::NewStub(channel_)->Check(&context, {}, &response);
  }

  // RawCall() with this client's deadline and token.
  RawReply Call(const std::string& method, const std::string& request) const {
    grpc::ClientContext context;
    Prepare(context);
    return RawCall(channel_, context, method, request);
  }

  std::unique_ptr<StreamClient> OpenStream(grpc::ClientContext& context) const {
    Prepare(context);
    std::unique_ptr<StreamClient> stream = stub_->InspectStream(&context);
    v1::InspectStreamRequest message;
    message.mutable_configuration()->mutable_options()->set_category("nut");
    stream->Write(message);
    return stream;
  }

  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }

 private:
  std::string token_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::InspectionService::Stub> stub_;
};

// Sends one frame and reads its reply; nothing when the stream has ended.
inline std::optional<v1::InspectStreamResponse> Exchange(StreamClient& stream) {
  v1::InspectStreamRequest message;
  *message.mutable_frame()->mutable_image() = Picture();
  v1::InspectStreamResponse response;
  if (!stream.Write(message) || !stream.Read(&response)) return std::nullopt;
  return response;
}

class SecureServerTest : public ServerTest {
 protected:
  static ServerConfig DefaultConfig() {
    ServerConfig config = TestConfig();
    config.security_reload_seconds = 1;
    return config;
  }

  absl::Status TryStart(const ServerConfig& config) {
    Logger logger = *CreateLogger({.level = "debug", .format = "text", .write = [this](absl::string_view line) {
                                     MutexLock lock(mu_);
                                     absl::StrAppend(&log_, line);
                                   }});
    return TryStartServer({.config = config, .loader = LoaderOf(detector_), .logger = std::move(logger)});
  }
  void Start(const ServerConfig& config) {
    const absl::Status started = TryStart(config);
    ASSERT_TRUE(started.ok()) << started;
    address_ = absl::StrCat("127.0.0.1:", server_->port());
  }
  // Why the server does not start.
  std::string Refusal(const ServerConfig& config) {
    const absl::Status started = TryStart(config);
    EXPECT_FALSE(started.ok());
    return std::string(started.message());
  }

  void UseTls(ServerConfig& config, const CertificateAndKey& identity) {
    config.tls_certificate = folder_.Write("cert.pem", identity.certificate);
    config.tls_key = folder_.Write("key.pem", identity.key);
  }
  void UseTokens(ServerConfig& config) {
    config.tokens_file = folder_.Write("tokens.yaml", absl::StrCat(inspect_.entry, "\n", admin_.entry, "\n"));
  }

  Client Plain(const std::string& token = "") const { return {address_, grpc::InsecureChannelCredentials(), token}; }
  Client Tls(const Authority& trusted, const std::string& token = "", const CertificateAndKey& own = {}) const {
    return {address_, grpc::SslCredentials({trusted.certificate(), own.key, own.certificate}), token};
  }

  std::string LogSoFar() const {
    MutexLock lock(mu_);
    return log_;
  }
  // Ends the server; its whole log.
  std::string Log() {
    server_.reset();
    return LogSoFar();
  }
  const testing::TemporaryFolder folder_;
  const Authority authority_{"authority"};
  const Authority stranger_{"stranger"};
  const CertificateAndKey identity_ = authority_.Issue("server", testing::kLoopbackNames);
  const NewToken inspect_ = *MakeToken("line-3", Role::kInspect);
  const NewToken admin_ = *MakeToken("robot", Role::kAdmin);
  mutable Mutex mu_;
  std::string log_ ABSL_GUARDED_BY(mu_);
  std::string address_;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_TESTS_SERVER_SECURITY_SECURE_SERVER_FIXTURE_H_
