// The Open Inference Protocol over a real socket, with a stand-in model.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "bayespfl/inspection/v1/inspection.grpc.pb.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "grpcpp/generic/generic_stub.h"
#include "inference/grpc_service.grpc.pb.h"
#include "server/runtime/server.h"
#include "tests/server/fake_executor.h"
#include "tests/server/kserve_requests.h"

namespace bayespfl::server {
namespace {

using inference::ModelInferRequest;
using inference::ModelInferResponse;
using inference::ModelStreamInferResponse;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using StreamClient = grpc::ClientReaderWriter<ModelInferRequest, ModelStreamInferResponse>;

std::string EncodePng(int width = 40, int height = 30) {
  cv::Mat picture(height, width, CV_8UC3);
  cv::randu(picture, 0, 255);
  std::vector<uint8_t> bytes;
  cv::imencode(".png", picture, bytes);
  return {bytes.begin(), bytes.end()};
}

// One picture with a seed.
ModelInferRequest MakeRequest(int64_t seed = 42) {
  ModelInferRequest request = MakeKserveRequest({EncodePng()});
  request.set_id(absl::StrCat("request ", seed));
  SetSeed(request, seed);
  return request;
}

// The elements of the output; fails the test when there is no such output.
template <typename Element>
std::vector<Element> OutputOf(const ModelInferResponse& response, const std::string& name) {
  for (int i = 0; i < response.outputs_size(); ++i) {
    if (response.outputs(i).name() != name) continue;
    const std::string& raw = response.raw_output_contents(i);
    std::vector<Element> elements(raw.size() / sizeof(Element));
    std::memcpy(elements.data(), raw.data(), elements.size() * sizeof(Element));
    return elements;
  }
  ADD_FAILURE() << "no output " << name;
  return {};
}

class KserveServiceTest : public ::testing::Test {
 protected:
  void SetUp() override { Start(DefaultConfig()); }
  void TearDown() override { executor_->Release(); }

  static ServerConfig DefaultConfig() {
    ServerConfig config;
    config.port = 0;
    config.http_port = 0;
    config.max_frames_in_flight = 8;
    config.max_batch = 1;
    config.drain_timeout_seconds = 20;
    return config;
  }

  // Starts a server; waits until it is ready unless told otherwise.
  void Start(const ServerConfig& config, bool wait = true) {
    server_.reset();
    auto server = InspectionServer::Start(
        {.config = config,
         .loader = [executor = executor_] { return absl::StatusOr<Replicas>(Replicas{executor}); },
         .logger = nullptr});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    if (wait) {
      ASSERT_TRUE(server_->WaitUntilLoaded().ok());
    }
    warm_up_ = executor_->batches().size();
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    channel_ = grpc::CreateCustomChannel(server_->grpc_address(), grpc::InsecureChannelCredentials(), arguments);
    stub_ = inference::GRPCInferenceService::NewStub(channel_);
  }

  grpc::Status Infer(const ModelInferRequest& request, ModelInferResponse* response = nullptr) {
    grpc::ClientContext context;
    ModelInferResponse ignored;
    return stub_->ModelInfer(&context, request, response != nullptr ? response : &ignored);
  }

  std::string Http(const std::string& path) {
    httplib::Client client("127.0.0.1", server_->http_port());
    const httplib::Result result = client.Get(path);
    return result ? result->body : "no answer";
  }

  void WaitForMetric(const std::string& line) {
    while (!absl::StrContains(Http("/metrics"), line + "\n")) std::this_thread::yield();
  }

  const std::shared_ptr<FakeExecutor> executor_ = std::make_shared<FakeExecutor>();
  std::unique_ptr<InspectionServer> server_;
  size_t warm_up_ = 0;  // calls of the executor before any test's frame
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<inference::GRPCInferenceService::Stub> stub_;
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
  EXPECT_EQ(response.outputs_size(), 5);
}

TEST_F(KserveServiceTest, WithoutASeedEachPictureHasItsOwnAndTheReplySaysWhich) {
  ModelInferResponse response;
  ASSERT_TRUE(Infer(MakeKserveRequest({EncodePng(), EncodePng()}), &response).ok());

  const std::vector<uint64_t> seeds = OutputOf<uint64_t>(response, "seed");
  ASSERT_EQ(seeds.size(), 2U);
  EXPECT_NE(seeds[0], seeds[1]);
  EXPECT_THAT(OutputOf<float>(response, "score"),
              ElementsAre(static_cast<float>(seeds[0] % 100) / 100.0F, static_cast<float>(seeds[1] % 100) / 100.0F));
}

TEST_F(KserveServiceTest, SendsMapsAndMasksOfPixelsAtTheirSize) {
  ModelInferRequest request = MakePixelRequest({2, 3, 5, 3});
  WantOutputs(request, {"anomaly_map", "mask"});
  ModelInferResponse response;

  const grpc::Status status = Infer(request, &response);

  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(response.outputs_size(), 2);
  EXPECT_THAT(response.outputs(0).shape(), ElementsAre(2, 3, 5));
  EXPECT_THAT(response.outputs(1).shape(), ElementsAre(2, 3, 5));
  const std::vector<float> map = OutputOf<float>(response, "anomaly_map");
  const std::vector<uint8_t> mask = OutputOf<uint8_t>(response, "mask");
  ASSERT_EQ(map.size(), 30U);
  ASSERT_EQ(mask.size(), 30U);
  for (size_t i = 0; i < map.size(); ++i) {
    const bool hot = i % 15 == 0;  // the first pixel of each picture
    EXPECT_EQ(map[i], hot ? 1.0F : kMapBackground) << i;
    EXPECT_EQ(mask[i], hot ? 255 : 0) << i;
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
  executor_->Hold();
  std::vector<std::string> pictures(8, EncodePng());
  pictures[1] = "no picture";
  grpc::Status status;
  std::thread client([&] { status = Infer(MakeKserveRequest(pictures)); });
  WaitForMetric("bayespfl_frames_total{outcome=\"invalid\"} 1");
  executor_->Release();
  client.join();

  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), StartsWith("image[1]: "));
  EXPECT_LE(executor_->batches().size(), warm_up_ + 1);  // the first one may have been inside
  EXPECT_THAT(Http("/metrics"), AllOf(HasSubstr("outcome=\"ok\"} 0\n"), HasSubstr("bayespfl_frames_in_flight 0\n")));
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

TEST_F(KserveServiceTest, RejectsAMessageThatIsNotProtobuf) {
  grpc::GenericStub stub(channel_);
  grpc::ClientContext context;
  const grpc::Slice slice(std::string("\x0A\x03\xFF\xFE\xFD", 5));  // model_name that is not UTF-8
  const grpc::ByteBuffer request(&slice, 1);
  grpc::CompletionQueue queue;
  auto call = stub.PrepareUnaryCall(&context, "/inference.GRPCInferenceService/ModelInfer", request, &queue);
  call->StartCall();
  grpc::ByteBuffer response;
  grpc::Status status;
  call->Finish(&response, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  ASSERT_TRUE(queue.Next(&tag, &ok));

  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("5 bytes is no valid inference.ModelInferRequest"));
}

TEST_F(KserveServiceTest, TheRpcsDeadlineHolds) {
  executor_->Hold();
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(100));
  ModelInferResponse response;

  EXPECT_EQ(stub_->ModelInfer(&context, MakeRequest(), &response).error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
}

TEST_F(KserveServiceTest, TheTimeoutIsInMicroseconds) {
  executor_->Hold();
  std::thread holder([this] { EXPECT_TRUE(Infer(MakeRequest()).ok()); });
  executor_->WaitForCalls(warm_up_ + 1);
  ModelInferRequest hurried = MakeRequest();
  (*hurried.mutable_parameters())["timeout"].set_int64_param(20'000);
  const auto start = std::chrono::steady_clock::now();

  const grpc::Status status = Infer(hurried);

  EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_THAT(status.error_message(), HasSubstr("stage"));
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(20));
  executor_->Release();
  holder.join();
}

TEST_F(KserveServiceTest, RefusesARequestThatDoesNotFitAndLeavesNothingOfIt) {
  executor_->Hold();
  std::thread holder([this] { EXPECT_TRUE(Infer(MakeKserveRequest(std::vector<std::string>(6, EncodePng()))).ok()); });
  WaitForMetric("bayespfl_frames_in_flight 6");
  grpc::ClientContext context;
  ModelInferResponse response;

  const grpc::Status status =
      stub_->ModelInfer(&context, MakeKserveRequest({EncodePng(), EncodePng(), EncodePng()}), &response);

  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), AllOf(StartsWith("image[2]: "), HasSubstr("max_frames_in_flight = 8")));
  EXPECT_EQ(context.GetServerTrailingMetadata().count("grpc-retry-pushback-ms"), 1U);
  EXPECT_THAT(Http("/metrics"), HasSubstr("bayespfl_frames_in_flight 6\n"));
  executor_->Release();
  holder.join();
}

TEST_F(KserveServiceTest, RejectsMorePicturesThanEverFit) {
  const grpc::Status status = Infer(MakeKserveRequest(std::vector<std::string>(9, EncodePng())));

  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("expected 1 to 8"));
}

// ---- the server and its model --------------------------------------------------------------------------------------

TEST_F(KserveServiceTest, SaysThatItIsLiveAndReady) {
  grpc::ClientContext live_context;
  inference::ServerLiveResponse live;
  grpc::ClientContext ready_context;
  inference::ServerReadyResponse ready;
  grpc::ClientContext model_context;
  inference::ModelReadyRequest request;
  request.set_name("fake");
  inference::ModelReadyResponse model;

  ASSERT_TRUE(stub_->ServerLive(&live_context, {}, &live).ok());
  ASSERT_TRUE(stub_->ServerReady(&ready_context, {}, &ready).ok());
  ASSERT_TRUE(stub_->ModelReady(&model_context, request, &model).ok());

  EXPECT_TRUE(live.live());
  EXPECT_TRUE(ready.ready());
  EXPECT_TRUE(model.ready());
}

TEST_F(KserveServiceTest, IsLiveButNotReadyWhileTheModelLoads) {
  executor_->Hold();  // the warm-up waits
  Start(DefaultConfig(), /*wait=*/false);
  grpc::ClientContext live_context;
  inference::ServerLiveResponse live;
  grpc::ClientContext ready_context;
  inference::ServerReadyResponse ready;
  grpc::ClientContext model_context;
  inference::ModelReadyRequest request;
  request.set_name("fake");
  inference::ModelReadyResponse model;
  grpc::ClientContext metadata_context;
  inference::ModelMetadataResponse metadata;

  ASSERT_TRUE(stub_->ServerLive(&live_context, {}, &live).ok());
  ASSERT_TRUE(stub_->ServerReady(&ready_context, {}, &ready).ok());
  ASSERT_TRUE(stub_->ModelReady(&model_context, request, &model).ok());

  EXPECT_TRUE(live.live());
  EXPECT_FALSE(ready.ready());
  EXPECT_FALSE(model.ready());
  EXPECT_EQ(stub_->ModelMetadata(&metadata_context, {}, &metadata).error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(Infer(MakeRequest()).error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(KserveServiceTest, WithoutReplicasItIsNotLive) {
  executor_->FailCalls(1000);
  executor_->AllowRebuilds(0);
  EXPECT_EQ(Infer(MakeRequest()).error_code(), grpc::StatusCode::INTERNAL);
  while (!absl::StrContains(Http("/livez"), "could not be rebuilt")) std::this_thread::yield();
  grpc::ClientContext context;
  inference::ServerLiveResponse live;

  ASSERT_TRUE(stub_->ServerLive(&context, {}, &live).ok());

  EXPECT_FALSE(live.live());
}

TEST_F(KserveServiceTest, DescribesItselfAndItsModel) {
  grpc::ClientContext server_context;
  inference::ServerMetadataResponse server;
  grpc::ClientContext model_context;
  inference::ModelMetadataRequest request;
  request.set_name("fake");
  inference::ModelMetadataResponse model;

  ASSERT_TRUE(stub_->ServerMetadata(&server_context, {}, &server).ok());
  ASSERT_TRUE(stub_->ModelMetadata(&model_context, request, &model).ok());

  EXPECT_EQ(server.name(), "bayespfl-server");
  EXPECT_EQ(server.version(), BAYESPFL_VERSION);
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
  const std::unique_ptr<StreamClient> stream = stub_->ModelStreamInfer(&context);
  stream->WritesDone();
  ASSERT_TRUE(stream->Finish().ok());

  EXPECT_THAT(Http("/metrics"),
              AllOf(HasSubstr("bayespfl_requests_total{code=\"OK\",method=\"ModelInfer\"} 1\n"),
                    HasSubstr("bayespfl_requests_total{code=\"NOT_FOUND\",method=\"ModelInfer\"} 1\n"),
                    HasSubstr("bayespfl_frames_total{outcome=\"ok\"} 1\n"),
                    HasSubstr("bayespfl_frames_total{outcome=\"invalid\"} 1\n")));
  WaitForMetric("bayespfl_requests_total{code=\"OK\",method=\"ModelStreamInfer\"} 1");
}

// ---- ModelStreamInfer ----------------------------------------------------------------------------------------------

TEST_F(KserveServiceTest, StreamRepliesInOrderAndGoesOnAfterABadRequest) {
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

TEST_F(KserveServiceTest, StreamStopsReadingAtItsBound) {
  ServerConfig config = DefaultConfig();
  config.max_frames_per_stream = 2;
  Start(config);
  executor_->Hold();
  grpc::ClientContext context;
  const std::unique_ptr<StreamClient> stream = stub_->ModelStreamInfer(&context);
  for (int64_t i = 0; i < 6; ++i) stream->Write(MakeRequest(i));
  const auto inside = [this](int frames) {
    return absl::StrContains(Http("/metrics"), absl::StrCat("bayespfl_frames_in_flight ", frames, "\n"));
  };
  while (inside(0) || inside(1)) std::this_thread::yield();

  for (int look = 0; look < 20; ++look) EXPECT_THAT(Http("/metrics"), HasSubstr("bayespfl_frames_in_flight 2\n"));

  executor_->Release();
  ModelStreamInferResponse reply;
  for (int64_t i = 0; i < 6; ++i) {
    ASSERT_TRUE(stream->Read(&reply));
    EXPECT_THAT(OutputOf<uint64_t>(reply.infer_response(), "seed"), ElementsAre(i));
  }
}

TEST_F(KserveServiceTest, ARequestOfAStreamMayHaveMorePicturesThanTheStreamsBound) {
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

TEST_F(KserveServiceTest, ABadPictureOfOneRequestLeavesTheOthersOfTheStreamAlone) {
  executor_->Hold();
  grpc::ClientContext context;
  const std::unique_ptr<StreamClient> stream = stub_->ModelStreamInfer(&context);
  stream->Write(MakeRequest(1));
  stream->Write(MakeKserveRequest({EncodePng(), "no picture"}));
  stream->Write(MakeRequest(3));
  WaitForMetric("bayespfl_frames_total{outcome=\"invalid\"} 1");
  executor_->Release();

  ModelStreamInferResponse reply;
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_EQ(reply.error_message(), "");
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_THAT(reply.error_message(), StartsWith("INVALID_ARGUMENT: image[1]: "));
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_EQ(reply.error_message(), "");
}

TEST_F(KserveServiceTest, AClientThatLeavesTakesItsWaitingPicturesAlong) {
  executor_->Hold();
  {
    grpc::ClientContext context;
    const std::unique_ptr<StreamClient> stream = stub_->ModelStreamInfer(&context);
    stream->Write(MakeRequest(0));
    executor_->WaitForCalls(warm_up_ + 1);
    stream->Write(MakeKserveRequest({EncodePng(), EncodePng(), EncodePng()}));
    WaitForMetric("bayespfl_frames_in_flight 4");
    context.TryCancel();
    EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  // The model is still held: those that wait leave without it.
  WaitForMetric("bayespfl_frames_total{outcome=\"cancelled\"} 3");
  executor_->Release();
  WaitForMetric("bayespfl_frames_in_flight 0");
}

TEST_F(KserveServiceTest, BothServicesShareTheStreamsLimit) {
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

TEST_F(KserveServiceTest, GracefulStopAnswersAcceptedPicturesAndEndsStreams) {
  executor_->Hold();
  grpc::Status unary;
  std::thread client([&] { unary = Infer(MakeRequest()); });
  executor_->WaitForCalls(warm_up_ + 1);
  grpc::ClientContext context;
  const std::unique_ptr<StreamClient> stream = stub_->ModelStreamInfer(&context);
  stream->Write(MakeRequest(1));
  WaitForMetric("bayespfl_frames_in_flight 2");
  std::thread stopper([this] { server_->Shutdown(); });
  while (!absl::StrContains(Http("/readyz"), "draining")) std::this_thread::yield();
  EXPECT_EQ(Infer(MakeRequest()).error_code(), grpc::StatusCode::UNAVAILABLE);
  executor_->Release();

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
