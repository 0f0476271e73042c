// The Open Inference Protocol's unary calls over a real socket, with a stand-in model.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "bayespfl/inspection/v1/inspection.grpc.pb.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "model/detection/pixel_map.h"
#include "tests/server/kserve_server_test.h"
#include "tests/server/raw_call.h"
#include "tests/server/until.h"

namespace bayespfl::server {
namespace {

using inference::ModelInferRequest;
using inference::ModelInferResponse;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class KserveServiceTest : public KserveServerTest {
 protected:
  bool Live() {
    grpc::ClientContext context;
    inference::ServerLiveResponse response;
    EXPECT_TRUE(stub_->ServerLive(&context, {}, &response).ok());
    return response.live();
  }
  bool Ready() {
    grpc::ClientContext context;
    inference::ServerReadyResponse response;
    EXPECT_TRUE(stub_->ServerReady(&context, {}, &response).ok());
    return response.ready();
  }
  bool ModelReady() {
    grpc::ClientContext context;
    inference::ModelReadyRequest request;
    request.set_name("fake");
    inference::ModelReadyResponse response;
    EXPECT_TRUE(stub_->ModelReady(&context, request, &response).ok());
    return response.ready();
  }
  grpc::Status Describe(inference::ModelMetadataResponse* response) {
    grpc::ClientContext context;
    inference::ModelMetadataRequest request;
    request.set_name("fake");
    return stub_->ModelMetadata(&context, request, response);
  }
};

// ---- ModelInfer ----------------------------------------------------------------------------------------------------

TEST_F(KserveServiceTest, AnswersEveryPictureOfARequest) {
  ModelInferRequest request = MakeKserveRequest({EncodePng(), EncodePng(20, 10), EncodePng()});
  request.set_id("batch 1");
  SetSeed(request, 42);
  ModelInferResponse response;

  const grpc::Status status = Infer(request, &response);

  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.id(), "batch 1");
  EXPECT_EQ(response.model_name(), "fake");
  EXPECT_EQ(response.model_version(), "1.0+0123456789ab");
  EXPECT_THAT(OutputOf<float>(response, "score"), ElementsAre(0.42F, 0.42F, 0.42F));
  EXPECT_THAT(OutputOf<float>(response, "map_score"), ElementsAre(0.5F, 0.5F, 0.5F));
  EXPECT_THAT(OutputOf<uint64_t>(response, "seed"), ElementsAre(42, 42, 42));
  EXPECT_THAT(TextsOf(response, "verdict"), ElementsAre("NONE", "NONE", "NONE"));
  EXPECT_EQ(response.outputs_size(), 5);
}

// 7 is leather's; score = seed / 100.
TEST_F(KserveServiceTest, WithoutASeedEachPictureHasThatOfItsCategory) {
  ModelInferResponse response;

  ASSERT_TRUE(Infer(MakeKserveRequest({EncodePng(), EncodePng()}, {"leather", "metal nut"}), &response).ok());

  EXPECT_THAT(OutputOf<uint64_t>(response, "seed"), ElementsAre(7, 0));
  EXPECT_THAT(OutputOf<float>(response, "score"), ElementsAre(0.07F, 0.0F));
}

TEST_F(KserveServiceTest, EveryPictureHasTheVerdictOfItsCategory) {
  ModelInferRequest request = MakeKserveRequest({EncodePng(), EncodePng()}, {"leather", "metal nut"});
  ModelInferResponse response;
  for (const auto& [seed, verdict] : {std::pair(7, "PASS"), std::pair(42, "REVIEW"), std::pair(88, "FAIL")}) {
    SetSeed(request, seed);
    ASSERT_TRUE(Infer(request, &response).ok());
    EXPECT_THAT(TextsOf(response, "verdict"), ElementsAre(verdict, "NONE"));
  }
}

TEST_F(KserveServiceTest, TheObjectIsThatOfThePromptAndAnotherOneThanCalibratedHasNoVerdict) {
  ModelInferRequest request = MakeKserveRequest({EncodePng()}, {"leather"});
  ModelInferResponse response;

  ASSERT_TRUE(Infer(request, &response).ok());
  EXPECT_EQ(detector_->objects().back(), "tanned leather");
  EXPECT_THAT(TextsOf(response, "verdict"), ElementsAre("PASS"));

  (*request.mutable_parameters())["object"].set_string_param("cowhide");
  ASSERT_TRUE(Infer(request, &response).ok());
  EXPECT_EQ(detector_->objects().back(), "cowhide");
  EXPECT_THAT(TextsOf(response, "verdict"), ElementsAre("NONE"));
}

TEST_F(KserveServiceTest, SendsMapsAndMasksOfPixelsAtTheirSize) {
  ModelInferRequest request = MakePixelRequest({2, 3, 5, 3});
  WantOutputs(request, {"anomaly_map", "mask"});
  constexpr float kThreshold = 0.3F;
  (*request.mutable_parameters())["mask_threshold"].set_double_param(kThreshold);
  ModelInferResponse response;

  const grpc::Status status = Infer(request, &response);

  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(response.outputs_size(), 2);
  EXPECT_THAT(response.outputs(0).shape(), ElementsAre(2, 3, 5));
  EXPECT_THAT(response.outputs(1).shape(), ElementsAre(2, 3, 5));
  // The model's map, whose first pixel alone is hot, stretched to the picture.
  bayespfl::PixelMap model{.width = 8, .height = 8, .values = std::vector<float>(64, kMapBackground)};
  model.values.front() = 1.0F;
  const std::vector<float> expected = ResizeMap(model, 5, 3).values;
  const std::vector<float> map = OutputOf<float>(response, "anomaly_map");
  const std::vector<uint8_t> mask = OutputOf<uint8_t>(response, "mask");
  ASSERT_EQ(map.size(), 30U);
  ASSERT_EQ(mask.size(), 30U);
  for (size_t i = 0; i < map.size(); ++i) {
    EXPECT_EQ(map[i], expected[i % 15]) << i;
    EXPECT_EQ(mask[i], i % 15 == 0 ? 255 : 0) << i;
  }
}

TEST_F(KserveServiceTest, PicturesOfDifferentSizesHaveMapsOfTheModelsSize) {
  ModelInferRequest request = MakeKserveRequest({EncodePng(40, 30), EncodePng(20, 10)});
  WantOutputs(request, {"anomaly_map"});
  ModelInferResponse response;

  ASSERT_TRUE(Infer(request, &response).ok());

  EXPECT_THAT(response.outputs(0).shape(), ElementsAre(2, 8, 8));
}

TEST_F(KserveServiceTest, RejectsMapsOfDifferentSizesInOneTensor) {
  ModelInferRequest request = MakeKserveRequest({EncodePng(40, 30), EncodePng(20, 10)});
  WantOutputs(request, {"mask"});
  (*request.mutable_parameters())["resolution"].set_string_param("frame");

  const grpc::Status status = Infer(request);

  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("image[0] has 40 x 30 pixels and image[1] 20 x 10"));
}

TEST_F(KserveServiceTest, ABadPictureFailsItsRequestAndTheRestCostsNoDeviceTime) {
  detector_->Hold();
  std::vector<std::string> pictures(8, EncodePng());
  pictures[1] = "no picture";
  grpc::Status status;
  std::thread client([&] { status = Infer(MakeKserveRequest(pictures)); });
  WaitForMetric("bayespfl_frames_total{model=\"fake\",outcome=\"invalid\"} 1");
  detector_->Release();
  client.join();

  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), StartsWith("image[1]: "));
  EXPECT_LE(detector_->batches().size(), warm_up_ + 1);  // the first one may have been inside
  EXPECT_THAT(Http("/metrics"), AllOf(HasSubstr("bayespfl_frames_total{model=\"fake\",outcome=\"ok\"} 0\n"),
                                      HasSubstr("bayespfl_frames_in_flight 0\n")));
}

TEST_F(KserveServiceTest, ADeviceFailureIsInternal) {
  EXPECT_EQ(Infer(MakeRequest(kFailingSeed)).error_code(), grpc::StatusCode::INTERNAL);
}

TEST_F(KserveServiceTest, TheModelsOwnChecksAreInvalidArguments) {
  const grpc::Status status = Infer(MakeKserveRequest({EncodePng()}, {"nut <|endoftext|>"}));

  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("special token"));
}

TEST_F(KserveServiceTest, AnotherModelIsNotFound) {
  ModelInferRequest request = MakeRequest();
  request.set_model_name("resnet");
  EXPECT_EQ(Infer(request).error_code(), grpc::StatusCode::NOT_FOUND);
  request.set_model_name("fake");
  request.set_model_version("2");
  EXPECT_EQ(Infer(request).error_code(), grpc::StatusCode::NOT_FOUND);
  request.set_model_version("1.0+0123456789ab");
  EXPECT_TRUE(Infer(request).ok());
}

TEST_F(KserveServiceTest, CountsWhyARequestNeverBecameAFrame) {
  ModelInferRequest request = MakeRequest();
  request.set_model_name("resnet");
  ASSERT_FALSE(Infer(request).ok());
  request.set_model_name("fake");
  request.set_model_version("2");
  ASSERT_FALSE(Infer(request).ok());
  request.set_model_version("");
  request.mutable_inputs(0)->set_name("picture");
  ASSERT_FALSE(Infer(request).ok());

  EXPECT_THAT(Http("/metrics"), AllOf(HasSubstr("bayespfl_frames_refused_total{reason=\"unknown_model\"} 2\n"),
                                      HasSubstr("bayespfl_frames_refused_total{reason=\"invalid\"} 1\n")));
}

TEST_F(KserveServiceTest, RejectsAMessageThatIsNotProtobuf) {
  grpc::ClientContext context;
  const std::string request("\x0A\x03\xFF\xFE\xFD", 5);  // model_name that is not UTF-8

  const grpc::Status status = RawCall(channel_, context, "/inference.GRPCInferenceService/ModelInfer", request).status;

  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("5 bytes is no valid inference.ModelInferRequest"));
}

TEST_F(KserveServiceTest, TheRpcsDeadlineHolds) {
  detector_->Hold();
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(100));
  ModelInferResponse response;

  EXPECT_EQ(stub_->ModelInfer(&context, MakeRequest(), &response).error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
}

TEST_F(KserveServiceTest, TheTimeoutIsInMicroseconds) {
  detector_->Hold();
  std::thread holder([this] { EXPECT_TRUE(Infer(MakeRequest()).ok()); });
  detector_->WaitForCalls(warm_up_ + 1);
  ModelInferRequest hurried = MakeRequest();
  (*hurried.mutable_parameters())["timeout"].set_int64_param(20'000);
  const auto start = std::chrono::steady_clock::now();

  const grpc::Status status = Infer(hurried);

  EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_THAT(status.error_message(), HasSubstr("stage"));
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(20));
  detector_->Release();
  holder.join();
}

TEST_F(KserveServiceTest, RefusesARequestThatDoesNotFitAndLeavesNothingOfIt) {
  detector_->Hold();
  std::thread holder([this] { EXPECT_TRUE(Infer(MakeKserveRequest(std::vector<std::string>(6, EncodePng()))).ok()); });
  WaitForMetric("bayespfl_frames_in_flight 6");
  grpc::ClientContext context;
  ModelInferResponse response;

  const grpc::Status status =
      stub_->ModelInfer(&context, MakeKserveRequest({EncodePng(), EncodePng(), EncodePng()}), &response);

  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(status.error_message(),
            "the server is full: 6 frames in flight, max_frames_in_flight = 8, and 3 come together");
  EXPECT_EQ(context.GetServerTrailingMetadata().count("grpc-retry-pushback-ms"), 1U);
  EXPECT_THAT(Http("/metrics"), HasSubstr("bayespfl_frames_in_flight 6\n"));
  EXPECT_THAT(Http("/metrics"), HasSubstr("bayespfl_frames_refused_total{reason=\"queue_full\"} 3\n"));
  detector_->Release();
  holder.join();
  EXPECT_EQ(detector_->frames(), warm_up_ + 6);
}

TEST_F(KserveServiceTest, RejectsMorePicturesThanEverFit) {
  const grpc::Status status = Infer(MakeKserveRequest(std::vector<std::string>(9, EncodePng())));

  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("9 elements by its shape; expected 1 to 8: max_frames_in_flight = 8"));
}

// ---- what Triton has besides ----------------------------------------------------------------------------------------

TEST_F(KserveServiceTest, AMethodThatIsNotServedIsUnimplementedSaysWhatToUseAndIsCounted) {
  grpc::ClientContext context;

  const grpc::Status status =
      RawCall(channel_, context, "/inference.GRPCInferenceService/RepositoryModelLoad", "").status;

  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_THAT(status.error_message(), AllOf(StartsWith("RepositoryModelLoad is not served here"),
                                            HasSubstr("bayespfl.admin.v1.ModelAdminService")));
  EXPECT_THAT(Http("/metrics"), HasSubstr("bayespfl_grpc_refused_calls_total 1\n"));
}

// ---- the server and its model --------------------------------------------------------------------------------------

TEST_F(KserveServiceTest, SaysThatItIsLiveAndReady) {
  EXPECT_TRUE(Live());
  EXPECT_TRUE(Ready());
  EXPECT_TRUE(ModelReady());
}

TEST_F(KserveServiceTest, IsLiveButNotReadyWhileTheModelLoads) {
  detector_->Hold();  // the warm-up waits
  Start(DefaultConfig(), /*wait=*/false);
  inference::ModelMetadataResponse metadata;

  EXPECT_TRUE(Live());
  EXPECT_FALSE(Ready());
  EXPECT_FALSE(ModelReady());
  EXPECT_EQ(Describe(&metadata).error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(Infer(MakeRequest()).error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(KserveServiceTest, WithoutReplicasItIsNotLive) {
  detector_->FailCalls(1000);
  detector_->AllowRebuilds(0);
  EXPECT_EQ(Infer(MakeRequest()).error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_TRUE(Eventually([this] { return absl::StrContains(Http("/livez"), "could not be rebuilt"); }));

  EXPECT_FALSE(Live());
}

TEST_F(KserveServiceTest, DescribesItselfAndItsModel) {
  grpc::ClientContext context;
  inference::ServerMetadataResponse server;
  inference::ModelMetadataResponse model;

  ASSERT_TRUE(stub_->ServerMetadata(&context, {}, &server).ok());
  ASSERT_TRUE(Describe(&model).ok());

  EXPECT_EQ(server.name(), "bayespfl-server");
  EXPECT_EQ(server.version(), BAYESPFL_VERSION);
  EXPECT_THAT(server.extensions(), ElementsAre("model_configuration", "parameters", "statistics"));
  EXPECT_EQ(model.name(), "fake");
  EXPECT_THAT(model.versions(), ElementsAre("1.0+0123456789ab"));
  EXPECT_EQ(model.outputs_size(), 7);
}

TEST_F(KserveServiceTest, QuestionsAboutAnotherModelAreNotFound) {
  grpc::ClientContext ready_context;
  inference::ModelReadyRequest ready_request;
  ready_request.set_name("resnet");
  inference::ModelReadyResponse ready;
  grpc::ClientContext metadata_context;
  inference::ModelMetadataRequest metadata_request;
  metadata_request.set_name("fake");
  metadata_request.set_version("2");
  inference::ModelMetadataResponse metadata;

  EXPECT_EQ(stub_->ModelReady(&ready_context, ready_request, &ready).error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(stub_->ModelMetadata(&metadata_context, metadata_request, &metadata).error_code(),
            grpc::StatusCode::NOT_FOUND);
}

TEST_F(KserveServiceTest, TellsItsModelsConfiguration) {
  grpc::ClientContext context;
  inference::ModelConfigRequest request;
  request.set_name("fake");
  inference::ModelConfigResponse response;

  ASSERT_TRUE(stub_->ModelConfig(&context, request, &response).ok());

  EXPECT_EQ(response.config().name(), "fake");
  EXPECT_EQ(response.config().output_size(), 7);
}

TEST_F(KserveServiceTest, StatisticsCountRequestsOfBothCallsAndNotThoseOfInspectionService) {
  ASSERT_TRUE(Infer(MakeKserveRequest({EncodePng(), EncodePng()})).ok());
  ASSERT_FALSE(Infer(MakeKserveRequest({"no picture"})).ok());
  ModelInferRequest wrong = MakeRequest();
  wrong.mutable_inputs(0)->set_name("picture");
  ASSERT_FALSE(Infer(wrong).ok());
  grpc::ClientContext stream_context;
  const auto stream = stub_->ModelStreamInfer(&stream_context);
  inference::ModelStreamInferResponse streamed;
  ASSERT_TRUE(stream->Write(MakeRequest()) && stream->Read(&streamed));
  grpc::ClientContext inspect_context;
  inspection::v1::InspectRequest inspect;
  inspect.mutable_image()->set_encoded(EncodePng());
  inspect.mutable_options()->set_category("metal nut");
  inspection::v1::InspectResponse inspected;
  ASSERT_TRUE(
      inspection::v1::InspectionService::NewStub(channel_)->Inspect(&inspect_context, inspect, &inspected).ok());
  grpc::ClientContext context;
  inference::ModelStatisticsRequest request;
  request.set_name("fake");
  inference::ModelStatisticsResponse response;

  ASSERT_TRUE(stub_->ModelStatistics(&context, request, &response).ok());

  ASSERT_EQ(response.model_stats_size(), 1);
  const inference::ModelStatistics& statistics = response.model_stats(0);
  EXPECT_EQ(statistics.inference_count(), 3U);
  EXPECT_EQ(statistics.execution_count(), 3U);  // batches of one
  EXPECT_EQ(statistics.inference_stats().success().count(), 2U);
  EXPECT_EQ(statistics.inference_stats().fail().count(), 2U);
  const inference::InferStatistics& parts = statistics.inference_stats();
  EXPECT_GT(parts.compute_input().ns(), 0U);
  EXPECT_LE(parts.queue().ns() + parts.compute_input().ns() + parts.compute_infer().ns() + parts.compute_output().ns(),
            parts.success().ns());
}

TEST_F(KserveServiceTest, HealthKnowsTheService) {
  const auto health = grpc::health::v1::Health::NewStub(channel_);
  grpc::ClientContext context;
  grpc::health::v1::HealthCheckRequest request;
  request.set_service("inference.GRPCInferenceService");
  grpc::health::v1::HealthCheckResponse response;

  ASSERT_TRUE(health->Check(&context, request, &response).ok());

  EXPECT_EQ(response.status(), grpc::health::v1::HealthCheckResponse::SERVING);
}

TEST_F(KserveServiceTest, CountsItsCallsByTheirNames) {
  ASSERT_TRUE(Infer(MakeRequest()).ok());
  ModelInferRequest other = MakeRequest();
  other.set_model_name("resnet");
  ASSERT_FALSE(Infer(other).ok());
  grpc::ClientContext context;
  const auto stream = stub_->ModelStreamInfer(&context);
  stream->WritesDone();
  ASSERT_TRUE(stream->Finish().ok());

  EXPECT_THAT(Http("/metrics"),
              AllOf(HasSubstr("bayespfl_requests_total{code=\"OK\",method=\"ModelInfer\"} 1\n"),
                    HasSubstr("bayespfl_requests_total{code=\"NOT_FOUND\",method=\"ModelInfer\"} 1\n"),
                    HasSubstr("bayespfl_frames_total{model=\"fake\",outcome=\"ok\"} 1\n"),
                    HasSubstr("bayespfl_frames_total{model=\"\",outcome=\"invalid\"} 1\n")));
  WaitForMetric("bayespfl_requests_total{code=\"OK\",method=\"ModelStreamInfer\"} 1");
}

}  // namespace
}  // namespace bayespfl::server
