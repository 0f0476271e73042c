// Who may send frames of high priority, over real sockets and both contracts.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "inference/grpc_service.grpc.pb.h"
#include "tests/server/error_details.h"
#include "tests/server/kserve_requests.h"
#include "tests/server/security/secure_server_fixture.h"

namespace bayespfl::server {
namespace {

using ::testing::HasSubstr;

constexpr char kRefusal[] = "high priority needs the role inspect-high; the token of line-3 has the role inspect";

class HighPriorityTest : public SecureServerTest {
 protected:
  void StartWithTokens() {
    ServerConfig config = DefaultConfig();
    config.tokens_file =
        folder_.Write("tokens.yaml", absl::StrCat(inspect_.entry, "\n", high_.entry, "\n", admin_.entry, "\n"));
    Start(config);
  }

  static v1::InspectRequest RequestWith(v1::Priority priority) {
    v1::InspectRequest request = Request();
    request.mutable_options()->set_priority(priority);
    return request;
  }

  grpc::Status Inspect(const std::string& token, v1::Priority priority) const {
    const Client client = Plain(token);
    grpc::ClientContext context;
    client.Prepare(context);
    v1::InspectResponse response;
    return v1::InspectionService::NewStub(client.channel())->Inspect(&context, RequestWith(priority), &response);
  }

  static inference::ModelInferRequest InferenceWith(const std::string& priority) {
    inference::ModelInferRequest request = MakePixelRequest({2, 2, 3});
    (*request.mutable_parameters())["priority"].set_string_param(priority);
    return request;
  }

  grpc::Status Infer(const std::string& token, const std::string& priority) const {
    const Client client = Plain(token);
    grpc::ClientContext context;
    client.Prepare(context);
    inference::ModelInferResponse response;
    return inference::GRPCInferenceService::NewStub(client.channel())
        ->ModelInfer(&context, InferenceWith(priority), &response);
  }

  const NewToken high_ = *MakeToken("rework", Role::kInspectHigh);
};

TEST_F(HighPriorityTest, RolesDecideWhoComesFirst) {
  StartWithTokens();

  const grpc::Status refused = Inspect(inspect_.token, v1::PRIORITY_HIGH);

  EXPECT_EQ(refused.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(refused.error_message(), kRefusal);
  EXPECT_EQ(ErrorOf(refused).reason(), v1::ERROR_REASON_PERMISSION_DENIED);
  for (const std::string& token : {high_.token, admin_.token}) {
    const grpc::Status status = Inspect(token, v1::PRIORITY_HIGH);
    EXPECT_TRUE(status.ok()) << status.error_message();
  }
}

TEST_F(HighPriorityTest, OtherPrioritiesNeedNoRole) {
  StartWithTokens();

  for (const v1::Priority priority : {v1::PRIORITY_UNSPECIFIED, v1::PRIORITY_NORMAL, v1::PRIORITY_LOW}) {
    const grpc::Status status = Inspect(inspect_.token, priority);
    EXPECT_TRUE(status.ok()) << v1::Priority_Name(priority) << ": " << status.error_message();
  }
}

TEST_F(HighPriorityTest, ARefusedFrameCostsNoDeviceTimeAndIsCountedAsItsClientsMistake) {
  StartWithTokens();
  const size_t warm_up = detector_->frames();

  ASSERT_FALSE(Inspect(inspect_.token, v1::PRIORITY_HIGH).ok());

  EXPECT_EQ(detector_->frames(), warm_up);
  const std::string metrics = Http("/metrics");
  EXPECT_THAT(metrics, HasSubstr("bayespfl_frames_refused_total{reason=\"not_permitted\"} 1\n"));
  EXPECT_THAT(metrics, HasSubstr("bayespfl_client_frames_total{client=\"line-3\",outcome=\"invalid\"} 1\n"));
}

TEST_F(HighPriorityTest, OnAStreamItIsTheErrorOfThatFrameAndTheStreamGoesOn) {
  StartWithTokens();
  grpc::ClientContext context;
  const std::unique_ptr<StreamClient> stream = Plain(inspect_.token).OpenStream(context);
  v1::InspectStreamRequest message;
  *message.mutable_frame()->mutable_image() = Picture();
  message.mutable_frame()->mutable_options()->set_priority(v1::PRIORITY_HIGH);
  v1::InspectStreamResponse refused;

  ASSERT_TRUE(stream->Write(message));
  ASSERT_TRUE(stream->Read(&refused));
  const std::optional<v1::InspectStreamResponse> next = Exchange(*stream);
  stream->WritesDone();

  EXPECT_EQ(refused.error().code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(refused.error().reason(), v1::ERROR_REASON_PERMISSION_DENIED);
  EXPECT_EQ(refused.error().message(), kRefusal);
  ASSERT_TRUE(next.has_value());
  EXPECT_TRUE(next->has_result()) << next->error().message();
  EXPECT_TRUE(stream->Finish().ok());
}

// The configuration is no frame: frames that ask for less are served.
TEST_F(HighPriorityTest, AStreamsConfigurationMayAskForItAndEachFrameIsJudgedByItself) {
  StartWithTokens();
  const Client client = Plain(inspect_.token);
  grpc::ClientContext context;
  client.Prepare(context);
  const auto stream = v1::InspectionService::NewStub(client.channel())->InspectStream(&context);
  v1::InspectStreamRequest configuration;
  configuration.mutable_configuration()->mutable_options()->set_category("nut");
  configuration.mutable_configuration()->mutable_options()->set_priority(v1::PRIORITY_HIGH);
  v1::InspectStreamRequest normal;
  *normal.mutable_frame()->mutable_image() = Picture();
  normal.mutable_frame()->mutable_options()->set_priority(v1::PRIORITY_NORMAL);
  v1::InspectStreamResponse answered;

  ASSERT_TRUE(stream->Write(configuration));
  const std::optional<v1::InspectStreamResponse> refused = Exchange(*stream);
  ASSERT_TRUE(stream->Write(normal));
  ASSERT_TRUE(stream->Read(&answered));

  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->error().code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_TRUE(answered.has_result()) << answered.error().message();
}

TEST_F(HighPriorityTest, KservesParameterNeedsTheSameRole) {
  StartWithTokens();

  const grpc::Status refused = Infer(inspect_.token, "high");

  EXPECT_EQ(refused.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(refused.error_message(), kRefusal);
  EXPECT_TRUE(Infer(inspect_.token, "normal").ok());
  EXPECT_TRUE(Infer(high_.token, "high").ok());
}

TEST_F(HighPriorityTest, OnAKserveStreamItIsTheErrorOfThatRequest) {
  StartWithTokens();
  const Client client = Plain(inspect_.token);
  grpc::ClientContext context;
  client.Prepare(context);
  const auto stream = inference::GRPCInferenceService::NewStub(client.channel())->ModelStreamInfer(&context);
  inference::ModelStreamInferResponse refused;
  inference::ModelStreamInferResponse answered;

  ASSERT_TRUE(stream->Write(InferenceWith("high")));
  ASSERT_TRUE(stream->Read(&refused));
  ASSERT_TRUE(stream->Write(InferenceWith("normal")));
  ASSERT_TRUE(stream->Read(&answered));

  EXPECT_EQ(refused.error_message(), absl::StrCat("PERMISSION_DENIED: ", kRefusal));
  EXPECT_EQ(answered.error_message(), "");
}

TEST_F(HighPriorityTest, WithoutATokensFileEverybodyMay) {
  Start(DefaultConfig());

  EXPECT_TRUE(Inspect("", v1::PRIORITY_HIGH).ok());
  EXPECT_TRUE(Infer("", "high").ok());
}

}  // namespace
}  // namespace bayespfl::server
