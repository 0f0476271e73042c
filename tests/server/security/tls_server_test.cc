// TLS over real sockets: who gets a connection, and certificates that change while frames run.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "tests/server/security/secure_server_fixture.h"

namespace bayespfl::server {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

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
  EXPECT_EQ(detector_->batches().size(), 1U);  // the warm-up
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

TEST_F(SecureServerTest, StartNamesTheTlsSettingThatIsWrong) {
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
}

TEST_F(SecureServerTest, ASecondConnectionOverTheLimitIsClosedAndCounted) {
  ServerConfig config = DefaultConfig();
  UseTls(config, identity_);
  config.max_connections = 1;
  Start(config);
  auto first = std::make_unique<Client>(Tls(authority_));
  ASSERT_TRUE(first->Inspect().ok());

  EXPECT_EQ(Tls(authority_).Inspect().error_code(), grpc::StatusCode::UNAVAILABLE);

  EXPECT_TRUE(Eventually([this] { return Value("bayespfl_connections_refused_total") >= 1; }));
  EXPECT_EQ(Value("bayespfl_connections_open"), 1);
  EXPECT_TRUE(first->Inspect().ok());
  first.reset();
  EXPECT_TRUE(Eventually([this] { return Tls(authority_).Inspect().ok(); })) << "the place is free again";
}

// The kernel counts what TLS and HTTP/2 add to the messages: on a stream that lives for months it must not add up.
TEST_F(SecureServerTest, WhatTlsAddsDoesNotCountAsComingIn) {
  constexpr int kFrames = 200;
  constexpr int kSide = 512;
  ServerConfig config = DefaultConfig();
  UseTls(config, identity_);
  Start(config);
  const Client client = Tls(authority_);
  grpc::ClientContext context;
  const std::unique_ptr<StreamClient> stream = client.OpenStream(context);
  v1::InspectStreamRequest message;
  *message.mutable_frame()->mutable_image() = Picture();
  v1::RawImage& raw = *message.mutable_frame()->mutable_image()->mutable_raw();
  raw.set_width(kSide);
  raw.set_height(kSide);
  raw.set_data(std::string(size_t{kSide} * kSide, '\x80'));

  for (int i = 0; i < kFrames; ++i) {
    v1::InspectStreamResponse reply;
    ASSERT_TRUE(stream->Write(message));
    ASSERT_TRUE(stream->Read(&reply) && reply.has_result()) << reply.ShortDebugString();
  }

  EXPECT_TRUE(Eventually([this] { return Value("bayespfl_incoming_bytes") < 16384; }))
      << Value("bayespfl_incoming_bytes");
  EXPECT_EQ(Value("bayespfl_streams_open"), 1) << "when no call is open, all is forgiven";
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
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
  int broken = 0;
  const auto shake_hands = [&] { broken += Tls(authority_).Inspect().ok() ? 0 : 1; };
  EXPECT_TRUE(Eventually([&] {
    shake_hands();
    return absl::StrContains(LogSoFar(), "tls_key does not belong to tls_certificate");
  })) << LogSoFar();
  for (int i = 0; i < kCallsAfterAReload; ++i) shake_hands();

  EXPECT_EQ(broken, 0);
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

}  // namespace
}  // namespace bayespfl::server
