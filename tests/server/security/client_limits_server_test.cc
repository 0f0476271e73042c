// Limits of each client over real sockets: frames a second, open streams, and who counts as one client.
#include <gmock/gmock.h>
#include <google/protobuf/any.pb.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "tests/server/error_details.h"
#include "tests/server/security/listed_methods.h"
#include "tests/server/security/secure_server_fixture.h"

namespace bayespfl::server {
namespace {

using ::testing::HasSubstr;

std::optional<double> RetrySeconds(const inspection::v1::FrameError& error) {
  if (!error.has_retry_delay()) return std::nullopt;
  return static_cast<double>(error.retry_delay().seconds()) + static_cast<double>(error.retry_delay().nanos()) * 1e-9;
}

// At a frame a second one call tells, unless the machine takes a second from one to the next.
bool IsOverItsRate(const Client& client) {
  return client.Inspect().error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED;
}

TEST_F(SecureServerTest, AClientOverItsFramesASecondIsToldWhenToComeAgain) {
  ServerConfig config = DefaultConfig();
  UseTokens(config);
  config.max_frames_per_second_per_client = 1;
  Start(config);
  const Client client = Plain(inspect_.token);
  ASSERT_TRUE(client.Inspect().ok());

  std::optional<grpc::ClientContext> context;
  grpc::Status status;
  ASSERT_TRUE(Eventually([&] {
    status = client.Inspect(context.emplace());
    return !status.ok();
  }));

  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), HasSubstr("max_frames_per_second_per_client = 1"));
  EXPECT_EQ(ErrorOf(status).reason(), inspection::v1::ERROR_REASON_RATE_LIMITED);
  EXPECT_GT(RetrySeconds(ErrorOf(status)).value_or(0), 0);
  EXPECT_LE(RetrySeconds(ErrorOf(status)).value_or(2), 1);
  EXPECT_EQ(context->GetServerTrailingMetadata().count("grpc-retry-pushback-ms"), 1U);
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

  v1::InspectStreamResponse refused;
  ASSERT_TRUE(Eventually([&] {
    refused = *Exchange(*stream);
    return !refused.has_result();
  }));

  EXPECT_EQ(refused.error().code(), static_cast<int>(grpc::StatusCode::RESOURCE_EXHAUSTED));
  EXPECT_GT(RetrySeconds(refused.error()).value_or(0), 0);
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
  EXPECT_TRUE(Eventually([&] { return IsOverItsRate(Tls(authority_, "", first)); }));
  EXPECT_TRUE(Tls(authority_, "", second).Inspect().ok());
}

TEST_F(SecureServerTest, ClientsAreToldApartByAddressWithoutAnything) {
  ServerConfig config = DefaultConfig();
  config.max_frames_per_second_per_client = 1;
  Start(config);

  ASSERT_TRUE(Plain().Inspect().ok());
  EXPECT_TRUE(Eventually([&] { return IsOverItsRate(Plain()); }));  // other ports, the same address
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
  EXPECT_EQ(ErrorOf(second).reason(), inspection::v1::ERROR_REASON_STREAMS_FULL);
  EXPECT_TRUE(RetrySeconds(ErrorOf(second)).has_value());
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
