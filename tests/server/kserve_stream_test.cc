// ModelStreamInfer over a real socket, with a stand-in model.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "bayespfl/inspection/v1/inspection.grpc.pb.h"
#include "tests/server/kserve_server_test.h"
#include "tests/server/until.h"

namespace bayespfl::server {
namespace {

using inference::ModelInferRequest;
using inference::ModelStreamInferResponse;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using StreamClient = grpc::ClientReaderWriter<ModelInferRequest, ModelStreamInferResponse>;

class KserveStreamTest : public KserveServerTest {};

TEST_F(KserveStreamTest, StreamRepliesInOrderAndGoesOnAfterABadRequest) {
  grpc::ClientContext context;
  const std::unique_ptr<StreamClient> stream = stub_->ModelStreamInfer(&context);
  constexpr int64_t kRequests = 20;
  std::thread writer([&stream] {
    for (int64_t i = 0; i < kRequests; ++i) {
      ModelInferRequest request = MakeRequest(i);
      if (i == 3) request = MakeKserveRequest({"no picture"});
      if (i == 5) request.set_model_name("resnet");
      if (i == 7) request.mutable_raw_input_contents(0)->pop_back();
      request.set_id(absl::StrCat(i));
      stream->Write(request);
    }
    stream->WritesDone();
  });

  for (int64_t i = 0; i < kRequests; ++i) {
    ModelStreamInferResponse reply;
    ASSERT_TRUE(stream->Read(&reply)) << i;
    EXPECT_EQ(reply.infer_response().id(), absl::StrCat(i));
    EXPECT_TRUE(reply.infer_response().parameters().at("triton_final_response").bool_param());
    if (i == 3 || i == 7) {
      EXPECT_THAT(reply.error_message(), StartsWith("INVALID_ARGUMENT: "));
    } else if (i == 5) {
      EXPECT_THAT(reply.error_message(), StartsWith("NOT_FOUND: "));
    } else {
      EXPECT_EQ(reply.error_message(), "");
      EXPECT_THAT(OutputOf<uint64_t>(reply.infer_response(), "seed"), ElementsAre(i));
    }
  }
  ModelStreamInferResponse none;
  EXPECT_FALSE(stream->Read(&none));
  writer.join();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(KserveStreamTest, StreamStopsReadingAtItsBound) {
  ServerConfig config = DefaultConfig();
  config.max_frames_per_stream = 2;
  Start(config);
  detector_->Hold();
  grpc::ClientContext context;
  const std::unique_ptr<StreamClient> stream = stub_->ModelStreamInfer(&context);
  for (int64_t i = 0; i < 6; ++i) stream->Write(MakeRequest(i));
  const auto inside = [this](int frames) {
    return absl::StrContains(Http("/metrics"), absl::StrCat("bayespfl_frames_in_flight ", frames, "\n"));
  };
  ASSERT_TRUE(Eventually([&] { return !inside(0) && !inside(1); }));

  for (int look = 0; look < 20; ++look) EXPECT_THAT(Http("/metrics"), HasSubstr("bayespfl_frames_in_flight 2\n"));

  detector_->Release();
  ModelStreamInferResponse reply;
  for (int64_t i = 0; i < 6; ++i) {
    ASSERT_TRUE(stream->Read(&reply));
    EXPECT_THAT(OutputOf<uint64_t>(reply.infer_response(), "seed"), ElementsAre(i));
  }
}

TEST_F(KserveStreamTest, ARequestOfAStreamMayHaveMorePicturesThanTheStreamsBound) {
  ServerConfig config = DefaultConfig();
  config.max_frames_per_stream = 1;
  Start(config);
  grpc::ClientContext context;
  const std::unique_ptr<StreamClient> stream = stub_->ModelStreamInfer(&context);
  stream->Write(MakeKserveRequest({EncodePng(), EncodePng(), EncodePng()}));
  stream->Write(MakeRequest());

  ModelStreamInferResponse reply;
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_EQ(OutputOf<float>(reply.infer_response(), "score").size(), 3U);
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_EQ(OutputOf<float>(reply.infer_response(), "score").size(), 1U);
}

TEST_F(KserveStreamTest, ARequestThatDoesNotFitLeavesNothingBehindAndTheStreamGoesOn) {
  ServerConfig config = DefaultConfig();
  config.max_frames_per_stream = 16;
  Start(config);
  detector_->Hold();
  grpc::ClientContext context;
  const std::unique_ptr<StreamClient> stream = stub_->ModelStreamInfer(&context);
  stream->Write(MakeKserveRequest(std::vector<std::string>(6, EncodePng())));
  stream->Write(MakeKserveRequest(std::vector<std::string>(3, EncodePng())));
  stream->Write(MakeKserveRequest(std::vector<std::string>(2, EncodePng())));
  WaitForMetric("bayespfl_frames_in_flight 8");

  detector_->Release();
  ModelStreamInferResponse fits;
  ModelStreamInferResponse refused;
  ModelStreamInferResponse fits_too;

  ASSERT_TRUE(stream->Read(&fits));
  ASSERT_TRUE(stream->Read(&refused));
  ASSERT_TRUE(stream->Read(&fits_too));
  EXPECT_EQ(OutputOf<float>(fits.infer_response(), "score").size(), 6U);
  EXPECT_THAT(refused.error_message(), StartsWith("RESOURCE_EXHAUSTED: the server is full: 6 frames in flight"));
  EXPECT_EQ(OutputOf<float>(fits_too.infer_response(), "score").size(), 2U);
  EXPECT_EQ(detector_->frames(), warm_up_ + 8);
}

TEST_F(KserveStreamTest, ABadPictureOfOneRequestLeavesTheOthersOfTheStreamAlone) {
  detector_->Hold();
  grpc::ClientContext context;
  const std::unique_ptr<StreamClient> stream = stub_->ModelStreamInfer(&context);
  stream->Write(MakeRequest(1));
  stream->Write(MakeKserveRequest({EncodePng(), "no picture"}));
  stream->Write(MakeRequest(3));
  WaitForMetric("bayespfl_frames_total{model=\"fake\",outcome=\"invalid\"} 1");
  detector_->Release();

  ModelStreamInferResponse reply;
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_EQ(reply.error_message(), "");
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_THAT(reply.error_message(), StartsWith("INVALID_ARGUMENT: image[1]: "));
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_EQ(reply.error_message(), "");
}

TEST_F(KserveStreamTest, AClientThatLeavesTakesItsWaitingPicturesAlong) {
  detector_->Hold();
  {
    grpc::ClientContext context;
    const std::unique_ptr<StreamClient> stream = stub_->ModelStreamInfer(&context);
    stream->Write(MakeRequest(0));
    detector_->WaitForCalls(warm_up_ + 1);
    stream->Write(MakeKserveRequest({EncodePng(), EncodePng(), EncodePng()}));
    WaitForMetric("bayespfl_frames_in_flight 4");
    context.TryCancel();
    EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  // The model is still held: those that wait leave without it.
  WaitForMetric("bayespfl_frames_total{model=\"fake\",outcome=\"cancelled\"} 3");
  detector_->Release();
  WaitForMetric("bayespfl_frames_in_flight 0");
}

TEST_F(KserveStreamTest, BothServicesShareTheStreamsLimit) {
  ServerConfig config = DefaultConfig();
  config.max_streams = 1;
  Start(config);
  grpc::ClientContext first_context;
  const std::unique_ptr<StreamClient> first = stub_->ModelStreamInfer(&first_context);
  first->Write(MakeRequest());
  ModelStreamInferResponse reply;
  ASSERT_TRUE(first->Read(&reply));
  const auto inspection = inspection::v1::InspectionService::NewStub(channel_);
  grpc::ClientContext second_context;

  const grpc::Status status = inspection->InspectStream(&second_context)->Finish();

  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), HasSubstr("max_streams = 1"));
}

TEST_F(KserveStreamTest, GracefulStopAnswersAcceptedPicturesAndEndsStreams) {
  detector_->Hold();
  grpc::Status unary;
  std::thread client([&] { unary = Infer(MakeRequest()); });
  detector_->WaitForCalls(warm_up_ + 1);
  grpc::ClientContext context;
  const std::unique_ptr<StreamClient> stream = stub_->ModelStreamInfer(&context);
  stream->Write(MakeRequest(1));
  WaitForMetric("bayespfl_frames_in_flight 2");
  std::thread stopper([this] { server_->Shutdown(); });
  EXPECT_TRUE(Eventually([this] { return absl::StrContains(Http("/readyz"), "draining"); }));
  EXPECT_EQ(Infer(MakeRequest()).error_code(), grpc::StatusCode::UNAVAILABLE);
  detector_->Release();

  ModelStreamInferResponse reply;
  EXPECT_TRUE(stream->Read(&reply));
  EXPECT_EQ(reply.error_message(), "");
  EXPECT_FALSE(stream->Read(&reply));
  const grpc::Status ended = stream->Finish();
  client.join();
  stopper.join();

  EXPECT_TRUE(unary.ok()) << unary.error_message();
  EXPECT_EQ(ended.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(ended.error_message(), HasSubstr("draining"));
}

}  // namespace
}  // namespace bayespfl::server
