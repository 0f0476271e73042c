// The guarded port over real sockets: TLS, tokens, limits of each client.
#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "bayespfl/inspection/v1/inspection.grpc.pb.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/empty.pb.h"
#include "google/protobuf/unknown_field_set.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "server/runtime/server.h"
#include "server/security/token_store.h"
#include "tests/server/fake_executor.h"
#include "tests/support/certificates.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl::server {
namespace {

namespace v1 = inspection::v1;
using ::testing::AllOf;
using testing::Authority;
using testing::CertificateAndKey;
using ::testing::HasSubstr;
using ::testing::Not;
using StreamClient = grpc::ClientReaderWriter<v1::InspectStreamRequest, v1::InspectStreamResponse>;

constexpr std::chrono::seconds kPatience(30);  // for what happens within a second or two
constexpr char kReflection[] = "grpc.reflection.v1alpha.ServerReflection";
constexpr char kHealth[] = "grpc.health.v1.Health";

v1::Image Picture() {
  v1::Image image;
  v1::RawImage& raw = *image.mutable_raw();
  raw.set_width(2);
  raw.set_height(2);
  raw.set_format(v1::PIXEL_FORMAT_MONO8);
  raw.set_data("1234");
  return image;
}

v1::InspectRequest Request() {
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

  // Sends `request` to any method, closes the sending side, and waits for the status. `response` may be null.
  grpc::Status Call(const std::string& method, const std::string& request, std::string* response = nullptr) const {
    grpc::ClientContext context;
    Prepare(context);
    grpc::GenericStub stub(channel_);
    grpc::CompletionQueue queue;
    const grpc::Slice slice(request);
    auto call = stub.PrepareUnaryCall(&context, method, grpc::ByteBuffer(&slice, 1), &queue);
    call->StartCall();
    grpc::ByteBuffer bytes;
    grpc::Status status;
    call->Finish(&bytes, &status, nullptr);
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    grpc::Slice whole;
    if (response != nullptr && bytes.DumpToSingleSlice(&whole).ok()) {
      response->assign(reinterpret_cast<const char*>(whole.begin()), whole.size());
    }
    return status;
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
std::optional<v1::InspectStreamResponse> Exchange(StreamClient& stream) {
  v1::InspectStreamRequest message;
  *message.mutable_frame()->mutable_image() = Picture();
  v1::InspectStreamResponse response;
  if (!stream.Write(message) || !stream.Read(&response)) return std::nullopt;
  return response;
}

class SecureServerTest : public ::testing::Test {
 protected:
  static ServerConfig DefaultConfig() {
    ServerConfig config;
    config.port = 0;
    config.http_port = 0;
    config.security_reload_seconds = 1;
    config.max_batch = 1;
    return config;
  }

  absl::Status TryStart(const ServerConfig& config) {
    Logger logger =
        *CreateLogger({.level = "debug", .format = "text", .write = [this](absl::string_view line) { log_ << line; }});
    auto server = InspectionServer::Start({.config = config, .loader = LoaderOf(executor_), .logger = logger});
    if (!server.ok()) return server.status();
    server_ = *std::move(server);
    return server_->WaitUntilLoaded();
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

  // True once `condition` holds; false when it does not within kPatience.
  static bool Eventually(const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return true;
  }

  // The log so far; the server must have stopped.
  std::string Log() {
    server_.reset();
    return log_.str();
  }
  std::string Metrics() const {
    const httplib::Result result = httplib::Client("127.0.0.1", server_->http_port()).Get("/metrics");
    return result ? result->body : std::string();
  }

  const testing::TemporaryFolder folder_;
  const Authority authority_{"authority"};
  const Authority stranger_{"stranger"};
  const CertificateAndKey identity_ = authority_.Issue("server", testing::kLoopbackNames);
  const NewToken inspect_ = *MakeToken("line-3", Role::kInspect);
  const NewToken admin_ = *MakeToken("robot", Role::kAdmin);
  const std::shared_ptr<FakeExecutor> executor_ = std::make_shared<FakeExecutor>();
  std::ostringstream log_;
  std::string address_;
  std::unique_ptr<InspectionServer> server_;
};

// ---- TLS -----------------------------------------------------------------------------------------------------------

TEST_F(SecureServerTest, AnswersOverTls) {
  ServerConfig config = DefaultConfig();
  UseTls(config, identity_);
  Start(config);
  const Client client = Tls(authority_);
  grpc::ClientContext context;
  const std::unique_ptr<StreamClient> stream = client.OpenStream(context);

  EXPECT_TRUE(client.Inspect().ok()) << client.Inspect().error_message();
  EXPECT_TRUE(Exchange(*stream)->has_result());
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(SecureServerTest, ATlsPortTakesNoPlainText) {
  ServerConfig config = DefaultConfig();
  UseTls(config, identity_);
  Start(config);

  EXPECT_EQ(Plain().Inspect().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(SecureServerTest, AClientThatTrustsAnotherAuthorityDoesNotTalkToTheServer) {
  ServerConfig config = DefaultConfig();
  UseTls(config, identity_);
  Start(config);

  EXPECT_EQ(Tls(stranger_).Inspect().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(executor_->batches().size(), 1U);  // the warm-up
}

TEST_F(SecureServerTest, WithAClientAuthorityOnlyItsCertificatesGetIn) {
  ServerConfig config = DefaultConfig();
  UseTls(config, identity_);
  config.tls_client_ca = folder_.Write("ca.pem", authority_.certificate());
  Start(config);

  EXPECT_EQ(Tls(authority_).Inspect().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(Tls(authority_, "", stranger_.Issue("camera", "")).Inspect().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_TRUE(Tls(authority_, "", authority_.Issue("camera", "")).Inspect().ok());
}

TEST_F(SecureServerTest, StartNamesTheSettingThatIsWrong) {
  ServerConfig config = DefaultConfig();
  UseTls(config, identity_);
  config.tls_key = folder_.path() + "/none";
  EXPECT_THAT(Refusal(config), AllOf(HasSubstr("tls_key"), HasSubstr(folder_.path() + "/none")));
  config.tls_key = folder_.Write("other.pem", authority_.Issue("other", "").key);
  EXPECT_THAT(Refusal(config), HasSubstr("tls_key does not belong to tls_certificate"));
  config.tls_key = "";
  EXPECT_THAT(Refusal(config), HasSubstr("tls_certificate and tls_key go together"));
  config = DefaultConfig();
  config.tls_client_ca = folder_.Write("ca.pem", authority_.certificate());
  EXPECT_THAT(Refusal(config), HasSubstr("tls_client_ca needs tls_certificate"));
  config = DefaultConfig();
  config.tokens_file = folder_.Write("tokens.yaml", "- {name: x}");
  EXPECT_THAT(Refusal(config), AllOf(HasSubstr("tokens_file"), HasSubstr("/tokens.yaml: token 1")));
}

// Streams run all the time; the certificate is replaced by one of another authority, so that a new connection shows
// which one the server uses.
TEST_F(SecureServerTest, ACertificateRotatesUnderLoad) {
  ServerConfig config = DefaultConfig();
  UseTls(config, identity_);
  Start(config);
  std::atomic<bool> done{false};
  std::atomic<int> frames{0};
  std::atomic<int> failures{0};
  std::vector<std::thread> streams;
  for (int i = 0; i < 4; ++i) {
    streams.emplace_back([&, client = Tls(authority_)] {
      grpc::ClientContext context;
      const std::unique_ptr<StreamClient> stream = client.OpenStream(context);
      while (!done) {
        const std::optional<v1::InspectStreamResponse> reply = Exchange(*stream);
        if (!reply.has_value() || !reply->has_result()) ++failures;
        ++frames;
      }
      stream->WritesDone();
      if (!stream->Finish().ok()) ++failures;
    });
  }
  EXPECT_TRUE(Eventually([&] { return frames > 100; }));

  UseTls(config, stranger_.Issue("server", testing::kLoopbackNames));
  EXPECT_TRUE(Eventually([&] { return Tls(stranger_).Inspect().ok(); }));
  const int frames_at_rotation = frames;
  EXPECT_EQ(Tls(authority_).Inspect().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_TRUE(Eventually([&] { return frames > frames_at_rotation + 100; }));

  done = true;
  for (std::thread& stream : streams) stream.join();
  EXPECT_EQ(failures, 0);
}

TEST_F(SecureServerTest, AHalfDoneRotationBreaksNoHandshake) {
  ServerConfig config = DefaultConfig();
  UseTls(config, identity_);
  Start(config);
  ASSERT_TRUE(Tls(authority_).Inspect().ok());

  folder_.Write("cert.pem", stranger_.Issue("server", testing::kLoopbackNames).certificate);
  const auto seen = std::chrono::steady_clock::now() + std::chrono::seconds(2 * config.security_reload_seconds);
  int handshakes = 0;
  for (; std::chrono::steady_clock::now() < seen; ++handshakes) ASSERT_TRUE(Tls(authority_).Inspect().ok());

  EXPECT_GT(handshakes, 0);
  EXPECT_THAT(Log(), HasSubstr("tls_key does not belong to tls_certificate"));
}

TEST_F(SecureServerTest, ANewClientAuthorityShutsTheOldOneOut) {
  ServerConfig config = DefaultConfig();
  UseTls(config, identity_);
  config.tls_client_ca = folder_.Write("ca.pem", authority_.certificate());
  Start(config);
  const CertificateAndKey old_client = authority_.Issue("camera", "");
  const CertificateAndKey new_client = stranger_.Issue("camera", "");
  ASSERT_TRUE(Tls(authority_, "", old_client).Inspect().ok());

  folder_.Write("ca.pem", stranger_.certificate());

  EXPECT_TRUE(Eventually([&] { return Tls(authority_, "", new_client).Inspect().ok(); }));
  EXPECT_FALSE(Tls(authority_, "", old_client).Inspect().ok());
}

// ---- tokens --------------------------------------------------------------------------------------------------------

// Names of the services of a port, as its reflection lists them.
std::vector<std::string> ListServices(const Client& client) {
  const std::string list_services("\x3A\x01*", 3);  // ServerReflectionRequest{list_services: "*"}
  std::string bytes;
  const grpc::Status status =
      client.Call(absl::StrCat("/", kReflection, "/ServerReflectionInfo"), list_services, &bytes);
  EXPECT_TRUE(status.ok()) << status.error_message();
  constexpr int kListServicesResponse = 6;
  std::vector<std::string> names;
  google::protobuf::Empty response;  // every field is unknown to it, so all can be walked over
  EXPECT_TRUE(response.ParseFromString(bytes));
  const google::protobuf::UnknownFieldSet& fields =
      google::protobuf::Empty::GetReflection()->GetUnknownFields(response);
  for (int i = 0; i < fields.field_count(); ++i) {
    if (fields.field(i).number() != kListServicesResponse) continue;
    google::protobuf::UnknownFieldSet list;
    EXPECT_TRUE(list.ParseFromString(fields.field(i).length_delimited()));
    for (int k = 0; k < list.field_count(); ++k) {
      google::protobuf::UnknownFieldSet service;  // ServiceResponse{name = 1}
      EXPECT_TRUE(service.ParseFromString(list.field(k).length_delimited()));
      names.push_back(service.field(0).length_delimited());
    }
  }
  return names;
}

std::vector<const google::protobuf::MethodDescriptor*> ListMethods(const Client& client) {
  std::vector<const google::protobuf::MethodDescriptor*> methods;
  for (const std::string& name : ListServices(client)) {
    const auto* service = google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(name);
    if (service == nullptr) {
      ADD_FAILURE() << "no descriptor of " << name;
      continue;
    }
    for (int i = 0; i < service->method_count(); ++i) methods.push_back(service->method(i));
  }
  return methods;
}

std::string PathOf(const google::protobuf::MethodDescriptor& method) {
  return absl::StrCat("/", method.service()->full_name(), "/", method.name());
}

class TokensTest : public SecureServerTest, public ::testing::WithParamInterface<bool> {
 protected:
  void SetUp() override {
    config_ = DefaultConfig();
    UseTokens(config_);
    if (GetParam()) UseTls(config_, identity_);
    Start(config_);
  }
  Client With(const std::string& token) const { return GetParam() ? Tls(authority_, token) : Plain(token); }

  ServerConfig config_;
};

INSTANTIATE_TEST_SUITE_P(, TokensTest, ::testing::Bool(),
                         [](const auto& test) { return std::string(test.param ? "Tls" : "PlainText"); });

TEST_P(TokensTest, ATokenLetsIn) {
  EXPECT_TRUE(With(inspect_.token).Inspect().ok());
  EXPECT_TRUE(With(admin_.token).Inspect().ok());
}

TEST_P(TokensTest, WithoutAKnownTokenACallIsUnauthenticated) {
  for (const std::string& token : {std::string(), std::string("nobody"), inspect_.token + "x"}) {
    const grpc::Status status = With(token).Inspect();
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED) << token;
    EXPECT_THAT(status.error_message(), AllOf(HasSubstr("/bayespfl.inspection.v1.InspectionService/Inspect"),
                                              HasSubstr("authorization"), Not(HasSubstr(inspect_.token))));
  }
  grpc::ClientContext context;
  const std::unique_ptr<StreamClient> stream = With("").OpenStream(context);
  EXPECT_FALSE(Exchange(*stream).has_value());
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(executor_->batches().size(), 1U);  // the warm-up: no frame came through
}

TEST_P(TokensTest, EveryMethodOfEveryServiceNeedsAToken) {
  const std::vector<const google::protobuf::MethodDescriptor*> methods = ListMethods(With(inspect_.token));
  int closed = 0;
  for (const auto* method : methods) {
    if (method->service()->full_name() == kHealth) continue;
    for (const std::string& token : {std::string(), std::string("nobody")}) {
      EXPECT_EQ(With(token).Call(PathOf(*method), "").error_code(), grpc::StatusCode::UNAUTHENTICATED)
          << method->full_name();
    }
    ++closed;
  }
  EXPECT_GE(closed, 4);  // three of InspectionService, and reflection
}

TEST_P(TokensTest, HealthNeedsNoToken) { EXPECT_TRUE(With("").Health().ok()); }

TEST_P(TokensTest, WhatNoServiceHasIsClosedToo) {
  const std::string method = "/bayespfl.admin.v1.AdminService/NotThere";

  EXPECT_EQ(With("").Call(method, "").error_code(), grpc::StatusCode::UNAUTHENTICATED);
  const grpc::Status refused = With(inspect_.token).Call(method, "");
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_THAT(refused.error_message(), AllOf(HasSubstr(method), Not(HasSubstr(inspect_.token))));
  EXPECT_EQ(With(admin_.token).Call(method, "").error_code(), grpc::StatusCode::UNIMPLEMENTED);
}

TEST_P(TokensTest, RefusalsAreCountedByCode) {
  (void)With("").Inspect();
  (void)With("nobody").Inspect();
  (void)With(inspect_.token).Call("/bayespfl.admin.v1.AdminService/NotThere", "");

  EXPECT_THAT(Metrics(), AllOf(HasSubstr("bayespfl_calls_refused_total{code=\"UNAUTHENTICATED\"} 2"),
                               HasSubstr("bayespfl_calls_refused_total{code=\"PERMISSION_DENIED\"} 1")));
}

TEST_P(TokensTest, NeitherLogNorMetricsHoldATokenAndTheLogHoldsTheAudit) {
  const std::string unknown = "unknown-token-of-somebody";
  for (const std::string& token : {inspect_.token, admin_.token, unknown}) {
    (void)With(token).Inspect();
    (void)With(token).Call("/bayespfl.admin.v1.AdminService/NotThere", "");
  }
  const std::string metrics = Metrics();
  const std::string log = Log();

  EXPECT_THAT(log, HasSubstr("audit who=line-3 role=inspect "
                             "method=/bayespfl.admin.v1.AdminService/NotThere code=PERMISSION_DENIED"));
  EXPECT_THAT(metrics, HasSubstr("bayespfl_requests_total"));
  for (const std::string& token : {inspect_.token, admin_.token, unknown}) {
    EXPECT_THAT(log, Not(HasSubstr(token)));
    EXPECT_THAT(metrics, Not(HasSubstr(token)));
  }
  EXPECT_THAT(metrics, Not(HasSubstr("line-3")));
}

TEST_P(TokensTest, ANewFileTakesEffectWhileTheServerRunsAndABadOneDoesNot) {
  const NewToken next = *MakeToken("next", Role::kInspect);
  const Client before = With(inspect_.token);
  ASSERT_TRUE(before.Inspect().ok());

  folder_.Write("tokens.yaml", next.entry);
  EXPECT_TRUE(Eventually([&] { return With(next.token).Inspect().ok(); }));
  EXPECT_EQ(before.Inspect().error_code(), grpc::StatusCode::UNAUTHENTICATED);  // on a connection that was open

  folder_.Write("tokens.yaml", "- {name: half");
  const auto seen = std::chrono::steady_clock::now() + std::chrono::seconds(2 * config_.security_reload_seconds);
  int calls = 0;
  for (; std::chrono::steady_clock::now() < seen; ++calls) ASSERT_TRUE(With(next.token).Inspect().ok());
  EXPECT_GT(calls, 0);
  EXPECT_THAT(Log(),
              AllOf(HasSubstr("a changed file is used from now on what=tokens_file"),
                    HasSubstr("a changed file cannot be used; the old content stays in force what=tokens_file")));
}

TEST_F(SecureServerTest, TokensOverPlainTextOnlyStayOnTheLoopback) {
  ServerConfig config = DefaultConfig();
  UseTokens(config);
  config.host = "0.0.0.0";

  EXPECT_THAT(Refusal(config), AllOf(HasSubstr("tls_certificate"), HasSubstr("allow_plaintext_tokens")));
  config.allow_plaintext_tokens = true;
  Start(config);
  EXPECT_TRUE(Plain(inspect_.token).Inspect().ok());
  EXPECT_EQ(Plain().Inspect().error_code(), grpc::StatusCode::UNAUTHENTICATED);
}

TEST_F(SecureServerTest, AnOpenPortThatOthersCanReachIsWorthAWarning) {
  ServerConfig config = DefaultConfig();
  Start(config);
  EXPECT_THAT(Log(), Not(HasSubstr("anybody who can reach")));
  config.host = "0.0.0.0";
  Start(config);
  EXPECT_TRUE(Plain().Inspect().ok());
  EXPECT_THAT(Log(), HasSubstr("anybody who can reach the port may call"));
}

TEST_F(SecureServerTest, TheHttpPortCanStayBehind) {
  ServerConfig config = DefaultConfig();
  config.host = "0.0.0.0";
  config.http_host = "127.0.0.1";
  Start(config);

  EXPECT_THAT(server_->http_address(), HasSubstr("127.0.0.1:"));
  EXPECT_THAT(Metrics(), HasSubstr("bayespfl_build_info"));
}

// ---- limits of each client -----------------------------------------------------------------------------------------

// The delay of the RetryInfo in a status' details.
std::optional<double> RetrySeconds(const google::rpc::Status& status) {
  google::rpc::RetryInfo info;
  for (const google::protobuf::Any& detail : status.details()) {
    if (!detail.UnpackTo(&info)) continue;
    return static_cast<double>(info.retry_delay().seconds()) + static_cast<double>(info.retry_delay().nanos()) * 1e-9;
  }
  return std::nullopt;
}

TEST_F(SecureServerTest, AClientOverItsFramesASecondIsToldWhenToComeAgain) {
  ServerConfig config = DefaultConfig();
  UseTokens(config);
  config.max_frames_per_second_per_client = 1;
  Start(config);
  ASSERT_TRUE(Plain(inspect_.token).Inspect().ok());

  grpc::ClientContext context;
  const grpc::Status status = Plain(inspect_.token).Inspect(context);

  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), HasSubstr("max_frames_per_second_per_client = 1"));
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(status.error_details()));
  EXPECT_GT(RetrySeconds(details).value_or(0), 0);
  EXPECT_LE(RetrySeconds(details).value_or(2), 1);
  EXPECT_EQ(context.GetServerTrailingMetadata().count("grpc-retry-pushback-ms"), 1U);
  EXPECT_TRUE(Plain(admin_.token).Inspect().ok());  // another client
}

TEST_F(SecureServerTest, AFrameOverTheRateIsAnErrorOfThatFrameAndTheStreamGoesOn) {
  ServerConfig config = DefaultConfig();
  config.max_frames_per_second_per_client = 1;
  Start(config);
  const Client client = Plain();
  grpc::ClientContext context;
  const std::unique_ptr<StreamClient> stream = client.OpenStream(context);
  ASSERT_TRUE(Exchange(*stream)->has_result());

  const v1::InspectStreamResponse refused = *Exchange(*stream);

  EXPECT_EQ(refused.error().code(), static_cast<int>(grpc::StatusCode::RESOURCE_EXHAUSTED));
  EXPECT_GT(RetrySeconds(refused.error()).value_or(0), 0.1);
  EXPECT_TRUE(Eventually([&] { return Exchange(*stream)->has_result(); }));
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(SecureServerTest, ClientsAreToldApartByCertificateWithoutTokens) {
  ServerConfig config = DefaultConfig();
  UseTls(config, identity_);
  config.tls_client_ca = folder_.Write("ca.pem", authority_.certificate());
  config.max_frames_per_second_per_client = 1;
  Start(config);
  const CertificateAndKey first = authority_.Issue("camera", "DNS:camera-1.plant");
  const CertificateAndKey second = authority_.Issue("camera", "DNS:camera-2.plant");

  ASSERT_TRUE(Tls(authority_, "", first).Inspect().ok());
  EXPECT_EQ(Tls(authority_, "", first).Inspect().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_TRUE(Tls(authority_, "", second).Inspect().ok());
}

TEST_F(SecureServerTest, ClientsAreToldApartByAddressWithoutAnything) {
  ServerConfig config = DefaultConfig();
  config.max_frames_per_second_per_client = 1;
  Start(config);

  ASSERT_TRUE(Plain().Inspect().ok());
  EXPECT_EQ(Plain().Inspect().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);  // another port, the same address
}

TEST_F(SecureServerTest, AClientsStreamsAreLimitedAndItsPlaceIsFreeAgainAtTheEnd) {
  ServerConfig config = DefaultConfig();
  UseTokens(config);
  config.max_streams_per_client = 1;
  Start(config);
  const Client client = Plain(inspect_.token);
  grpc::ClientContext first_context;
  const std::unique_ptr<StreamClient> first = client.OpenStream(first_context);
  ASSERT_TRUE(Exchange(*first)->has_result());

  grpc::ClientContext second_context;
  const grpc::Status second = client.OpenStream(second_context)->Finish();
  grpc::ClientContext other_context;
  const std::unique_ptr<StreamClient> other = Plain(admin_.token).OpenStream(other_context);

  EXPECT_EQ(second.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(second.error_message(), HasSubstr("max_streams_per_client = 1"));
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(second.error_details()));
  EXPECT_TRUE(RetrySeconds(details).has_value());
  EXPECT_TRUE(Exchange(*other)->has_result());
  other_context.TryCancel();
  first->WritesDone();
  EXPECT_TRUE(first->Finish().ok());
  grpc::ClientContext third_context;
  EXPECT_TRUE(Exchange(*client.OpenStream(third_context))->has_result());
}

// Opens two calls of a bidirectional method at once and returns how the first of them ends.
grpc::Status FirstToEndOfTwo(const Client& client, const std::string& method) {
  struct Call {
    grpc::ClientContext context;
    std::unique_ptr<grpc::GenericClientAsyncReaderWriter> stream;
    grpc::Status status;
  };
  Call calls[2];
  grpc::CompletionQueue queue;
  grpc::GenericStub stub(client.channel());
  for (Call& call : calls) {
    client.Prepare(call.context);
    call.stream = stub.PrepareCall(&call.context, method, &queue);
    call.stream->StartCall(nullptr);
  }
  for (Call& call : calls) call.stream->Finish(&call.status, &call);
  void* tag = nullptr;
  bool ok = false;
  while (tag == nullptr && queue.Next(&tag, &ok)) {
  }
  const grpc::Status first = static_cast<Call*>(tag)->status;
  for (Call& call : calls) call.context.TryCancel();
  queue.Shutdown();
  while (queue.Next(&tag, &ok)) {
  }
  return first;
}

TEST_F(SecureServerTest, EveryStreamingMethodObeysTheLimitOfStreams) {
  ServerConfig config = DefaultConfig();
  UseTokens(config);
  config.max_streams_per_client = 1;
  Start(config);
  int streaming = 0;
  for (const auto* method : ListMethods(Plain(admin_.token))) {
    const std::string& service = method->service()->full_name();
    if (!method->client_streaming() || service == kReflection || service == kHealth) continue;
    const grpc::Status status = FirstToEndOfTwo(Plain(inspect_.token), PathOf(*method));
    EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << method->full_name();
    EXPECT_THAT(status.error_message(), HasSubstr("max_streams_per_client"));
    ++streaming;
  }
  EXPECT_GE(streaming, 1);
}

}  // namespace
}  // namespace bayespfl::server
