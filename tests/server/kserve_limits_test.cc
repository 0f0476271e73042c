// The limit of one client's frames a second, over the Open Inference Protocol and a real socket.
#include <gmock/gmock.h>
#include <google/protobuf/any.pb.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/time/time.h"
#include "server/api/rpc_details.pb.h"
#include "tests/server/kserve_server_test.h"

namespace bayespfl::server {
namespace {

using inference::ModelInferRequest;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// How a call ended, and when the client shall come again.
struct Ending {
  grpc::Status status;
  std::optional<absl::Duration> retry_info;
  std::optional<absl::Duration> pushback;  // the trailer's
};

std::optional<absl::Duration> RetryInfoOf(const grpc::Status& status) {
  rpc::Status details;
  rpc::RetryInfo info;
  if (!details.ParseFromString(status.error_details())) return std::nullopt;
  for (const google::protobuf::Any& detail : details.details()) {
    if (detail.type_url() != "type.googleapis.com/google.rpc.RetryInfo") continue;
    if (!info.ParseFromString(detail.value())) return std::nullopt;
    return absl::Seconds(info.retry_delay().seconds()) + absl::Nanoseconds(info.retry_delay().nanos());
  }
  return std::nullopt;
}

std::optional<absl::Duration> PushbackOf(const grpc::ClientContext& context) {
  const auto& trailers = context.GetServerTrailingMetadata();
  const auto found = trailers.find("grpc-retry-pushback-ms");
  int milliseconds = 0;
  if (found == trailers.end()) return std::nullopt;
  if (!absl::SimpleAtoi({found->second.data(), found->second.size()}, &milliseconds)) return std::nullopt;
  return absl::Milliseconds(milliseconds);
}

class KserveLimitsTest : public KserveServerTest {
 protected:
  void SetUp() override {
    ServerConfig config = DefaultConfig();
    config.max_frames_per_second_per_client = 2;
    Start(config);
  }

  static ModelInferRequest Pictures(size_t count) {
    return MakeKserveRequest(std::vector<std::string>(count, EncodePng(4, 2)));
  }

  Ending InferToItsEnd(const ModelInferRequest& request) {
    grpc::ClientContext context;
    inference::ModelInferResponse response;
    const grpc::Status status = stub_->ModelInfer(&context, request, &response);
    return {.status = status, .retry_info = RetryInfoOf(status), .pushback = PushbackOf(context)};
  }

  // Sends the request until it fails: a slow machine may let several through.
  Ending InferUntilItFails(const ModelInferRequest& request) {
    Ending ending = InferToItsEnd(request);
    while (ending.status.ok()) ending = InferToItsEnd(request);
    return ending;
  }
};

TEST_F(KserveLimitsTest, ASecondsWorthOfPicturesIsAnswered) {
  const grpc::Status status = Infer(Pictures(2));

  EXPECT_TRUE(status.ok()) << status.error_message();
}

TEST_F(KserveLimitsTest, RejectsMorePicturesThanAClientMayEverSendAtOnce) {
  const Ending ending = InferToItsEnd(Pictures(3));

  EXPECT_EQ(ending.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(ending.status.error_message(), AllOf(HasSubstr("3 frames are more than a client may ever send"),
                                                   HasSubstr("max_frames_per_second_per_client = 2")));
  EXPECT_FALSE(ending.retry_info.has_value());
  EXPECT_FALSE(ending.pushback.has_value());
  EXPECT_TRUE(Infer(Pictures(2)).ok()) << "nothing was taken of the client's rate";
}

TEST_F(KserveLimitsTest, AStreamSaysTheSameAndGoesOn) {
  grpc::ClientContext context;
  const auto stream = stub_->ModelStreamInfer(&context);
  inference::ModelStreamInferResponse rejected;
  inference::ModelStreamInferResponse answered;

  stream->Write(Pictures(3));
  ASSERT_TRUE(stream->Read(&rejected));
  stream->Write(Pictures(2));
  ASSERT_TRUE(stream->Read(&answered));
  stream->WritesDone();

  EXPECT_THAT(rejected.error_message(),
              AllOf(StartsWith("INVALID_ARGUMENT: "), HasSubstr("max_frames_per_second_per_client = 2")));
  EXPECT_EQ(answered.error_message(), "");
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(KserveLimitsTest, AClientOverItsRateIsToldWhenToComeAgain) {
  const Ending ending = InferUntilItFails(Pictures(1));

  EXPECT_EQ(ending.status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(ending.status.error_message(), HasSubstr("max_frames_per_second_per_client = 2"));
  ASSERT_TRUE(ending.retry_info.has_value());
  EXPECT_GT(*ending.retry_info, absl::ZeroDuration());
  EXPECT_LE(*ending.retry_info, absl::Milliseconds(500));
  EXPECT_EQ(ending.pushback, ending.retry_info);
}

// A client that came again as soon as one picture fits would be refused once more.
TEST_F(KserveLimitsTest, TheDelayOfARequestIsForAllItsPictures) {
  const Ending ending = InferUntilItFails(Pictures(2));

  EXPECT_EQ(ending.status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(ending.status.error_message(), StartsWith("this client sends too fast"));
  ASSERT_TRUE(ending.retry_info.has_value());
  EXPECT_GT(*ending.retry_info, absl::Milliseconds(500));
  EXPECT_LE(*ending.retry_info, absl::Seconds(1));
  EXPECT_EQ(ending.pushback, ending.retry_info);
}

}  // namespace
}  // namespace bayespfl::server
