// The server over a real socket: every row of the error contract that this server can answer, streams, life cycle.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "bayespfl/inspection/v1/inspection.grpc.pb.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/generic/generic_stub.h"
#include "server/runtime/server.h"
#include "tests/server/fake_executor.h"

namespace bayespfl::server {
namespace {

namespace v1 = inspection::v1;
using ::testing::AllOf;
using ::testing::HasSubstr;
using StreamClient = grpc::ClientReaderWriter<v1::InspectStreamRequest, v1::InspectStreamResponse>;

std::string EncodePicture(const std::string& extension, int width = 40, int height = 30) {
  cv::Mat picture(height, width, CV_8UC3);
  cv::randu(picture, 0, 255);
  std::vector<uint8_t> bytes;
  cv::imencode(extension, picture, bytes);
  return {bytes.begin(), bytes.end()};
}

v1::InspectRequest MakeRequest() {
  v1::InspectRequest request;
  request.mutable_image()->set_encoded(EncodePicture(".png"));
  request.mutable_metadata()->set_frame_id("frame 1");
  request.mutable_options()->set_category("metal nut");
  request.mutable_options()->set_seed(42);
  return request;
}

v1::InspectStreamRequest MakeConfiguration(const std::string& category = "metal nut") {
  v1::InspectStreamRequest message;
  message.mutable_configuration()->mutable_options()->set_category(category);
  return message;
}

v1::InspectStreamRequest MakeFrame(const std::string& id, uint64_t seed = 1) {
  v1::InspectStreamRequest message;
  message.mutable_frame()->mutable_image()->set_encoded(EncodePicture(".png"));
  message.mutable_frame()->mutable_metadata()->set_frame_id(id);
  message.mutable_frame()->set_seed(seed);
  return message;
}

class ServiceTest : public ::testing::Test {
 protected:
  void SetUp() override { Start(DefaultConfig(), Loader()); }
  void TearDown() override { executor_->Release(); }

  static ServerConfig DefaultConfig() {
    ServerConfig config;
    config.port = 0;
    config.http_port = 0;
    config.max_image_bytes = 1 << 20;
    config.max_image_pixels = 100'000;
    config.max_frames_in_flight = 8;
    config.max_batch = 1;
    config.drain_timeout_seconds = 20;
    return config;
  }

  ModelLoader Loader() { return LoaderOf(executor_); }

  // Starts a server; waits until it is ready unless told otherwise.
  void Start(const ServerConfig& config, ModelLoader loader, bool wait = true) {
    server_.reset();
    auto server = InspectionServer::Start({.config = config, .loader = std::move(loader), .logger = nullptr});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    if (wait) {
      ASSERT_TRUE(server_->WaitUntilLoaded().ok());
    }
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(-1);
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    channel_ = grpc::CreateCustomChannel(server_->grpc_address(), grpc::InsecureChannelCredentials(), arguments);
    stub_ = v1::InspectionService::NewStub(channel_);
  }

  grpc::Status Inspect(const v1::InspectRequest& request, v1::InspectResponse* response = nullptr) {
    grpc::ClientContext context;
    v1::InspectResponse ignored;
    return stub_->Inspect(&context, request, response != nullptr ? response : &ignored);
  }

  void ExpectInvalid(const v1::InspectRequest& request, const std::string& part) {
    const grpc::Status status = Inspect(request);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << status.error_message();
    EXPECT_THAT(status.error_message(), HasSubstr(part));
  }

  std::string Http(const std::string& path, int expected_status = 200) {
    httplib::Client client("127.0.0.1", server_->http_port());
    const httplib::Result result = client.Get(path);
    if (!result) return "no answer";
    EXPECT_EQ(result->status, expected_status) << path;
    return result->body;
  }

  const std::shared_ptr<FakeExecutor> executor_ = std::make_shared<FakeExecutor>();
  std::unique_ptr<InspectionServer> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::InspectionService::Stub> stub_;
};

// ---- unary ---------------------------------------------------------------------------------------------------------

TEST_F(ServiceTest, AnswersWithScoresMapsAndMetadata) {
  v1::InspectRequest request = MakeRequest();
  request.mutable_metadata()->set_camera_id("camera 3");
  request.mutable_metadata()->mutable_capture_time()->set_seconds(17);
  request.mutable_options()->set_anomaly_map(v1::MAP_ENCODING_FLOAT32);
  request.mutable_options()->set_deviation_map(v1::MAP_ENCODING_PNG8);
  request.mutable_options()->set_mask(true);
  request.mutable_options()->set_samples(5);
  v1::InspectResponse response;

  const grpc::Status status = Inspect(request, &response);

  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.metadata().SerializeAsString(), request.metadata().SerializeAsString());
  EXPECT_EQ(response.category(), "metal nut");
  EXPECT_FLOAT_EQ(response.score(), 0.42F);
  EXPECT_EQ(response.seed(), 42U);
  EXPECT_EQ(response.samples(), 5U);
  EXPECT_EQ(response.anomaly_map().width(), 40U);
  EXPECT_EQ(response.anomaly_map().height(), 30U);
  EXPECT_EQ(response.anomaly_map().data().size(), 40U * 30U * 4U);
  EXPECT_EQ(response.deviation_map().encoding(), v1::MAP_ENCODING_PNG8);
  EXPECT_EQ(response.mask().encoding(), v1::MAP_ENCODING_PNG8);
  EXPECT_EQ(response.mask_area_pixels(), 1U);
  EXPECT_EQ(response.model_version(), "1.0+0123456789ab");
  EXPECT_GT(response.seconds().total(), 0);
}

TEST_F(ServiceTest, SendsNoMapsUnasked) {
  v1::InspectResponse response;
  ASSERT_TRUE(Inspect(MakeRequest(), &response).ok());

  EXPECT_FALSE(response.has_anomaly_map());
  EXPECT_FALSE(response.has_deviation_map());
  EXPECT_FALSE(response.has_mask());
}

TEST_F(ServiceTest, DrawsAndReturnsASeedWhenThereIsNone) {
  v1::InspectRequest request = MakeRequest();
  request.mutable_options()->clear_seed();
  v1::InspectResponse first;
  v1::InspectResponse second;

  ASSERT_TRUE(Inspect(request, &first).ok());
  ASSERT_TRUE(Inspect(request, &second).ok());

  EXPECT_NE(first.seed(), second.seed());
}

TEST_F(ServiceTest, AcceptsEveryEncodedFormat) {
  for (const char* extension : {".png", ".jpg", ".bmp", ".tiff", ".webp"}) {
    v1::InspectRequest request = MakeRequest();
    request.mutable_image()->set_encoded(EncodePicture(extension));
    EXPECT_TRUE(Inspect(request).ok()) << extension;
  }
}

TEST_F(ServiceTest, AcceptsRawPixels) {
  v1::InspectRequest request = MakeRequest();
  v1::RawImage& raw = *request.mutable_image()->mutable_raw();
  raw.set_width(4);
  raw.set_height(2);
  raw.set_format(v1::PIXEL_FORMAT_MONO12P);
  raw.set_data(std::string(12, '\x11'));
  v1::InspectResponse response;

  const grpc::Status status = Inspect(request, &response);

  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.frame_width(), 4U);
}

TEST_F(ServiceTest, RejectsAnEmptyPicture) {
  v1::InspectRequest request = MakeRequest();
  request.mutable_image()->set_encoded("");
  ExpectInvalid(request, "image.encoded is empty");
  request.clear_image();
  ExpectInvalid(request, "image is empty");
}

TEST_F(ServiceTest, RejectsADamagedPicture) {
  v1::InspectRequest request = MakeRequest();
  std::string& bytes = *request.mutable_image()->mutable_encoded();
  for (size_t i = 60; i < bytes.size(); ++i) bytes[i] = 'x';
  ExpectInvalid(request, "PNG");
}

TEST_F(ServiceTest, RejectsATruncatedJpeg) {
  v1::InspectRequest request = MakeRequest();
  std::string bytes = EncodePicture(".jpg", 200, 200);
  bytes.resize(bytes.size() / 2);
  request.mutable_image()->set_encoded(bytes);
  ExpectInvalid(request, "JPEG");
}

TEST_F(ServiceTest, RejectsAnUnsupportedFormat) {
  v1::InspectRequest request = MakeRequest();
  request.mutable_image()->set_encoded("GIF89a and more");
  ExpectInvalid(request, "");
}

TEST_F(ServiceTest, RejectsRawPixelsOfTheWrongSize) {
  v1::InspectRequest request = MakeRequest();
  v1::RawImage& raw = *request.mutable_image()->mutable_raw();
  raw.set_width(4);
  raw.set_height(2);
  raw.set_format(v1::PIXEL_FORMAT_RGB8);
  raw.set_data(std::string(23, '\0'));
  ExpectInvalid(request, "23");
}

TEST_F(ServiceTest, RejectsPicturesOverTheLimitsAndNamesTheSetting) {
  v1::InspectRequest request = MakeRequest();
  request.mutable_image()->set_encoded(std::string((1 << 20) + 1, 'x'));
  ExpectInvalid(request, "max_image_bytes = 1048576");
  request.mutable_image()->set_encoded(EncodePicture(".png", 401, 250));
  ExpectInvalid(request, "max_image_pixels = 100000");
}

TEST_F(ServiceTest, RejectsBadCategories) {
  v1::InspectRequest request = MakeRequest();
  request.mutable_options()->set_category("");
  ExpectInvalid(request, "options.category has 0 bytes; expected 1 to 256");
  request.mutable_options()->set_category(std::string(257, 'a'));
  ExpectInvalid(request, "options.category has 257 bytes");
  request.mutable_options()->set_category("nut <|endoftext|>");
  ExpectInvalid(request, "special token");
}

TEST_F(ServiceTest, RejectsBadOptions) {
  v1::InspectRequest request = MakeRequest();
  request.mutable_options()->set_samples(0);
  ExpectInvalid(request, "options.samples is 0; expected 1 to 64");
  request.mutable_options()->set_samples(65);
  ExpectInvalid(request, "options.samples is 65");
  request = MakeRequest();
  request.mutable_options()->set_mask_threshold(std::numeric_limits<float>::quiet_NaN());
  ExpectInvalid(request, "options.mask_threshold is nan");
  request = MakeRequest();
  request.mutable_options()->set_anomaly_map(static_cast<v1::MapEncoding>(99));
  ExpectInvalid(request, "options.anomaly_map is 99");
  request = MakeRequest();
  request.mutable_metadata()->set_frame_id(std::string(129, 'a'));
  ExpectInvalid(request, "metadata.frame_id has 129 bytes; at most 128");
}

// A category that is not UTF-8 makes the whole message invalid for Protobuf; gRPC's own parsing would answer that with
// UNIMPLEMENTED.
TEST_F(ServiceTest, RejectsAMessageThatIsNotProtobuf) {
  grpc::GenericStub stub(channel_);
  grpc::ClientContext context;
  const grpc::Slice slice(std::string("\x1A\x05\x0A\x03\xFF\xFE\xFD", 7));  // options { category: "\xFF\xFE\xFD" }
  const grpc::ByteBuffer request(&slice, 1);
  grpc::CompletionQueue queue;
  auto call = stub.PrepareUnaryCall(&context, "/bayespfl.inspection.v1.InspectionService/Inspect", request, &queue);
  call->StartCall();
  grpc::ByteBuffer response;
  grpc::Status status;
  call->Finish(&response, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  ASSERT_TRUE(queue.Next(&tag, &ok));

  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("7 bytes is no valid bayespfl.inspection.v1.InspectRequest"));
}

TEST_F(ServiceTest, AnswersResourceExhaustedToAMessageOverTheTransportLimit) {
  v1::InspectRequest request = MakeRequest();
  request.mutable_image()->set_encoded(std::string((2 << 20) + 1, 'x'));

  EXPECT_EQ(Inspect(request).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(ServiceTest, AnswersInternalWhenTheDeviceFails) {
  v1::InspectRequest request = MakeRequest();
  request.mutable_options()->set_seed(kFailingSeed);

  EXPECT_EQ(Inspect(request).error_code(), grpc::StatusCode::INTERNAL);
}

TEST_F(ServiceTest, EndsWithDeadlineExceededWhenTheModelIsSlow) {
  executor_->Hold();
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(100));
  v1::InspectResponse response;

  EXPECT_EQ(stub_->Inspect(&context, MakeRequest(), &response).error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
}

TEST_F(ServiceTest, RefusesAtOnceWhenTheServerIsFull) {
  ServerConfig config = DefaultConfig();
  config.max_frames_in_flight = 1;
  Start(config, Loader());
  executor_->Hold();
  std::thread first([this] { EXPECT_TRUE(Inspect(MakeRequest()).ok()); });
  executor_->WaitForCalls(3);  // two servers' warm-ups and the frame

  const grpc::Status status = Inspect(MakeRequest());

  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), AllOf(HasSubstr("1 frames in flight"), HasSubstr("max_frames_in_flight = 1")));
  executor_->Release();
  first.join();
}

TEST_F(ServiceTest, ACalibratedCategoryBringsItsOwnThresholds) {
  v1::InspectRequest request = MakeRequest();
  request.mutable_options()->set_category("leather");
  v1::InspectResponse response;

  ASSERT_TRUE(Inspect(request, &response).ok());

  EXPECT_EQ(response.mask_threshold(), 0.25F);
  EXPECT_EQ(response.mask_area_fraction(), 1);  // the whole map reaches it, unlike the package's 0.75
  ASSERT_TRUE(response.has_score_threshold());
  EXPECT_EQ(response.score_threshold(), 0.5F);
  EXPECT_TRUE(response.calibrated());
}

TEST_F(ServiceTest, TheRequestsMaskThresholdWinsOverTheCategorysAndTheScoreThresholdStays) {
  v1::InspectRequest request = MakeRequest();
  request.mutable_options()->set_category("leather");
  request.mutable_options()->set_mask_threshold(0.875F);
  v1::InspectResponse response;

  ASSERT_TRUE(Inspect(request, &response).ok());

  EXPECT_EQ(response.mask_threshold(), 0.875F);
  EXPECT_EQ(response.mask_area_pixels(), 1U);
  EXPECT_EQ(response.score_threshold(), 0.5F);
}

TEST_F(ServiceTest, AnotherCategoryHasThePackagesMaskThresholdAndNoScoreThreshold) {
  v1::InspectResponse response;

  ASSERT_TRUE(Inspect(MakeRequest(), &response).ok());

  EXPECT_EQ(response.mask_threshold(), 0.75F);
  EXPECT_FALSE(response.has_score_threshold());
}

TEST_F(ServiceTest, DescribesTheModel) {
  grpc::ClientContext context;
  v1::GetModelInfoResponse response;

  ASSERT_TRUE(stub_->GetModelInfo(&context, v1::GetModelInfoRequest(), &response).ok());

  EXPECT_EQ(response.name(), "fake");
  EXPECT_EQ(response.default_samples(), 3U);
  EXPECT_EQ(response.max_samples(), 64U);
  EXPECT_EQ(response.server_version(), BAYESPFL_VERSION);
  ASSERT_EQ(response.calibrated_categories_size(), 1);
  EXPECT_EQ(response.calibrated_categories(0).category(), "leather");
  EXPECT_EQ(response.calibrated_categories(0).mask_threshold(), 0.25F);
  EXPECT_EQ(response.calibrated_categories(0).score_threshold(), 0.5F);
  EXPECT_EQ(response.calibrated_categories(0).good_pictures(), 120U);
}

// ---- streams -------------------------------------------------------------------------------------------------------

TEST_F(ServiceTest, StreamRepliesInOrderAndGoesOnAfterABadFrame) {
  grpc::ClientContext context;
  const std::unique_ptr<StreamClient> stream = stub_->InspectStream(&context);
  constexpr uint64_t kFrames = 30;
  std::thread writer([&stream] {
    stream->Write(MakeConfiguration());
    for (uint64_t i = 0; i < kFrames; ++i) {
      v1::InspectStreamRequest message = MakeFrame(std::to_string(i), i);
      if (i == 3) message.mutable_frame()->mutable_image()->set_encoded("no picture");
      if (i == 5) message.mutable_frame()->set_category("");
      if (i == 7) message.mutable_frame()->mutable_timeout()->set_seconds(-1);
      if (i == 9) message.clear_message();
      stream->Write(message);
    }
    stream->WritesDone();
  });

  for (uint64_t i = 0; i < kFrames; ++i) {
    v1::InspectStreamResponse reply;
    ASSERT_TRUE(stream->Read(&reply)) << i;
    EXPECT_EQ(reply.sequence(), i);
    if (i == 3 || i == 5 || i == 7 || i == 9) {
      EXPECT_EQ(reply.error().code(), static_cast<int>(absl::StatusCode::kInvalidArgument)) << i;
      EXPECT_FALSE(reply.error().message().empty());
    } else {
      EXPECT_EQ(reply.result().seed(), i);
      EXPECT_EQ(reply.result().metadata().frame_id(), std::to_string(i));
    }
    if (i != 9) {
      EXPECT_EQ(reply.metadata().frame_id(), std::to_string(i));
    }
  }
  v1::InspectStreamResponse none;
  EXPECT_FALSE(stream->Read(&none));
  writer.join();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(ServiceTest, SecondConfigurationEndsTheStreamAfterTheRepliesBeforeIt) {
  grpc::ClientContext context;
  const std::unique_ptr<StreamClient> stream = stub_->InspectStream(&context);
  stream->Write(MakeConfiguration());
  stream->Write(MakeFrame("0"));
  stream->Write(MakeFrame("1"));
  stream->Write(MakeConfiguration());

  v1::InspectStreamResponse reply;
  EXPECT_TRUE(stream->Read(&reply));
  EXPECT_TRUE(stream->Read(&reply));
  EXPECT_EQ(reply.sequence(), 1U);
  EXPECT_FALSE(stream->Read(&reply));
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("second"));
}

TEST_F(ServiceTest, FrameBeforeTheConfigurationEndsTheStream) {
  grpc::ClientContext context;
  const std::unique_ptr<StreamClient> stream = stub_->InspectStream(&context);
  stream->Write(MakeFrame("0"));

  v1::InspectStreamResponse reply;
  EXPECT_FALSE(stream->Read(&reply));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(ServiceTest, BadConfigurationEndsTheStream) {
  for (const char* category : {"<|startoftext|>", ""}) {
    grpc::ClientContext context;
    const std::unique_ptr<StreamClient> stream = stub_->InspectStream(&context);
    v1::InspectStreamRequest configuration = MakeConfiguration(category);
    if (*category == '\0') configuration.mutable_configuration()->mutable_options()->set_samples(65);
    stream->Write(configuration);

    EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  }
}

TEST_F(ServiceTest, FrameOverridesCategoryAndSeedOfTheConfiguration) {
  grpc::ClientContext context;
  const std::unique_ptr<StreamClient> stream = stub_->InspectStream(&context);
  v1::InspectStreamRequest configuration = MakeConfiguration();
  configuration.mutable_configuration()->mutable_options()->set_seed(5);
  stream->Write(configuration);
  v1::InspectStreamRequest plain = MakeFrame("0");
  plain.mutable_frame()->clear_seed();
  stream->Write(plain);
  v1::InspectStreamRequest other = MakeFrame("1", 6);
  other.mutable_frame()->set_category("zipper");
  stream->Write(other);
  stream->WritesDone();

  v1::InspectStreamResponse reply;
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_EQ(reply.result().seed(), 5U);
  EXPECT_EQ(reply.result().category(), "metal nut");
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_EQ(reply.result().seed(), 6U);
  EXPECT_EQ(reply.result().category(), "zipper");
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(ServiceTest, FrameTimeoutIsAnErrorOfThatFrame) {
  grpc::ClientContext context;
  const std::unique_ptr<StreamClient> stream = stub_->InspectStream(&context);
  executor_->Hold();
  stream->Write(MakeConfiguration());
  stream->Write(MakeFrame("0"));
  executor_->WaitForCalls(2);  // the warm-up and the frame
  v1::InspectStreamRequest hurried = MakeFrame("1");
  hurried.mutable_frame()->mutable_timeout()->set_nanos(1'000'000);
  stream->Write(hurried);
  stream->Write(MakeFrame("2"));
  std::this_thread::sleep_for(std::chrono::milliseconds(20));  // the timeout itself, no synchronisation
  executor_->Release();

  v1::InspectStreamResponse reply;
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_TRUE(reply.has_result());
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_EQ(reply.error().code(), static_cast<int>(absl::StatusCode::kDeadlineExceeded));
  EXPECT_THAT(reply.error().message(), HasSubstr("stage"));
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_TRUE(reply.has_result());
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(ServiceTest, CancelledStreamsLeaveNothingBehind) {
  for (int round = 0; round < 20; ++round) {
    grpc::ClientContext context;
    const std::unique_ptr<StreamClient> stream = stub_->InspectStream(&context);
    stream->Write(MakeConfiguration());
    for (int i = 0; i < 3; ++i) stream->Write(MakeFrame("f"));
    context.TryCancel();
    EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }

  while (Http("/metrics").find("bayespfl_frames_in_flight 0\n") == std::string::npos) std::this_thread::yield();
  const auto start = std::chrono::steady_clock::now();
  server_->Shutdown();  // waits for every call; a leaked one would hold it up until the drain timeout
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
}

// ---- life cycle ----------------------------------------------------------------------------------------------------

TEST_F(ServiceTest, IsUnavailableUntilTheModelIsLoaded) {
  executor_->Hold();  // the warm-up waits
  Start(DefaultConfig(), Loader(), /*wait=*/false);

  EXPECT_EQ(Inspect(MakeRequest()).error_code(), grpc::StatusCode::UNAVAILABLE);
  grpc::ClientContext context;
  v1::GetModelInfoResponse info;
  EXPECT_EQ(stub_->GetModelInfo(&context, {}, &info).error_code(), grpc::StatusCode::UNAVAILABLE);
  grpc::ClientContext stream_context;
  EXPECT_EQ(stub_->InspectStream(&stream_context)->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(Http("/startupz", 503), HasSubstr("loading"));
  EXPECT_THAT(Http("/readyz", 503), HasSubstr("loaded yet"));
  Http("/livez", 200);

  executor_->Release();
  ASSERT_TRUE(server_->WaitUntilLoaded().ok());
  EXPECT_TRUE(Inspect(MakeRequest()).ok());
  Http("/startupz", 200);
  Http("/readyz", 200);
}

TEST_F(ServiceTest, ReportsAModelThatCannotBeLoaded) {
  Start(
      DefaultConfig(),
      [](const std::string& /*folder*/) { return absl::StatusOr<Replicas>(absl::DataLossError("no such tensor")); },
      /*wait=*/false);

  EXPECT_EQ(server_->WaitUntilLoaded().message(), "no such tensor");
  EXPECT_THAT(Http("/livez", 503), HasSubstr("no such tensor"));
}

TEST_F(ServiceTest, RefusesToShareAnAddress) {
  ServerConfig config = DefaultConfig();
  config.port = server_->port();
  const auto same_port = InspectionServer::Start({.config = config, .loader = Loader(), .logger = nullptr});
  ASSERT_FALSE(same_port.ok());
  EXPECT_THAT(std::string(same_port.status().message()), HasSubstr(server_->grpc_address()));

  config.port = 0;
  config.http_port = server_->http_port();
  const auto same_http = InspectionServer::Start({.config = config, .loader = Loader(), .logger = nullptr});
  ASSERT_FALSE(same_http.ok());
  EXPECT_THAT(std::string(same_http.status().message()), HasSubstr(server_->http_address()));
}

TEST_F(ServiceTest, GracefulStopAnswersAcceptedFramesAndEndsStreams) {
  grpc::ClientContext idle_context;
  const std::unique_ptr<StreamClient> idle = stub_->InspectStream(&idle_context);
  idle->Write(MakeConfiguration());
  grpc::ClientContext context;
  const std::unique_ptr<StreamClient> stream = stub_->InspectStream(&context);
  executor_->Hold();
  stream->Write(MakeConfiguration());
  stream->Write(MakeFrame("0"));
  executor_->WaitForCalls(2);
  std::thread stopper([this] { server_->Shutdown(); });
  httplib::Client probe("127.0.0.1", server_->http_port());
  while (probe.Get("/readyz")->status != 503) std::this_thread::yield();
  EXPECT_EQ(Inspect(MakeRequest()).error_code(), grpc::StatusCode::UNAVAILABLE);
  executor_->Release();

  v1::InspectStreamResponse reply;
  EXPECT_TRUE(stream->Read(&reply));
  EXPECT_TRUE(reply.has_result());
  EXPECT_FALSE(stream->Read(&reply));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  const grpc::Status idle_status = idle->Finish();
  EXPECT_EQ(idle_status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(idle_status.error_message(), HasSubstr("draining"));
  stopper.join();
}

// The google.rpc.ErrorInfo or RetryInfo among a status' details.
template <typename Detail>
std::optional<Detail> DetailOf(const google::rpc::Status& status) {
  Detail detail;
  for (const google::protobuf::Any& any : status.details()) {
    if (any.type_url() == "type.googleapis.com/" + Detail::descriptor()->full_name() &&
        detail.ParseFromString(any.value())) {
      return detail;
    }
  }
  return std::nullopt;
}

google::rpc::Status DetailsOf(const grpc::Status& status) {
  google::rpc::Status details;
  EXPECT_TRUE(details.ParseFromString(status.error_details()));
  return details;
}

TEST_F(ServiceTest, AStreamThatDrainsSaysSoToPrograms) {
  grpc::ClientContext context;
  const std::unique_ptr<StreamClient> stream = stub_->InspectStream(&context);
  stream->Write(MakeConfiguration());
  stream->Write(MakeFrame("0"));
  v1::InspectStreamResponse reply;
  ASSERT_TRUE(stream->Read(&reply));
  server_->RequestStop();
  std::thread stopper([this] { server_->Shutdown(); });

  EXPECT_FALSE(stream->Read(&reply));
  const grpc::Status status = stream->Finish();
  stopper.join();

  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  const auto info = DetailOf<google::rpc::ErrorInfo>(DetailsOf(status));
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->reason(), "DRAINING");
  EXPECT_EQ(info->domain(), "inspection.bayespfl");
}

TEST_F(ServiceTest, ALongStreamIsEndedAfterItsReplies) {
  ServerConfig config = DefaultConfig();
  config.max_stream_age_seconds = 1;
  Start(config, Loader());
  grpc::ClientContext context;
  const std::unique_ptr<StreamClient> stream = stub_->InspectStream(&context);
  const auto start = std::chrono::steady_clock::now();
  stream->Write(MakeConfiguration());
  stream->Write(MakeFrame("0"));
  v1::InspectStreamResponse reply;
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_TRUE(reply.has_result());

  EXPECT_FALSE(stream->Read(&reply));
  const grpc::Status status = stream->Finish();

  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(850));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(DetailOf<google::rpc::ErrorInfo>(DetailsOf(status))->reason(), "MAX_STREAM_AGE");
}

TEST_F(ServiceTest, RefusesMoreStreamsThanTheLimitAndNamesIt) {
  ServerConfig config = DefaultConfig();
  config.max_streams = 1;
  Start(config, Loader());
  grpc::ClientContext first_context;
  const std::unique_ptr<StreamClient> first = stub_->InspectStream(&first_context);
  first->Write(MakeConfiguration());
  first->Write(MakeFrame("0"));
  v1::InspectStreamResponse reply;
  ASSERT_TRUE(first->Read(&reply));
  grpc::ClientContext second_context;
  const std::unique_ptr<StreamClient> second = stub_->InspectStream(&second_context);

  EXPECT_FALSE(second->Read(&reply));
  const grpc::Status status = second->Finish();

  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), HasSubstr("max_streams = 1"));
  EXPECT_TRUE(DetailOf<google::rpc::RetryInfo>(DetailsOf(status)).has_value());
  first->WritesDone();
  EXPECT_TRUE(first->Finish().ok());
  grpc::ClientContext third_context;
  const std::unique_ptr<StreamClient> third = stub_->InspectStream(&third_context);
  third->Write(MakeConfiguration());
  third->WritesDone();
  EXPECT_TRUE(third->Finish().ok());
}

TEST_F(ServiceTest, ARefusedCallSaysWhenToTryAgain) {
  ServerConfig config = DefaultConfig();
  config.max_frames_in_flight = 1;
  Start(config, Loader());
  const size_t warm_up = executor_->batches().size();
  executor_->Hold();
  std::thread holder([this] { EXPECT_TRUE(Inspect(MakeRequest()).ok()); });
  executor_->WaitForCalls(warm_up + 1);
  grpc::ClientContext context;
  v1::InspectResponse response;

  const grpc::Status status = stub_->Inspect(&context, MakeRequest(), &response);

  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), HasSubstr("max_frames_in_flight = 1"));
  EXPECT_EQ(context.GetServerTrailingMetadata().count("grpc-retry-pushback-ms"), 1U);
  EXPECT_TRUE(DetailOf<google::rpc::RetryInfo>(DetailsOf(status)).has_value());
  executor_->Release();
  holder.join();
}

TEST_F(ServiceTest, ARefusedFrameOfAStreamSaysWhenToTryAgain) {
  ServerConfig config = DefaultConfig();
  config.max_frames_in_flight = 1;
  Start(config, Loader());
  const size_t warm_up = executor_->batches().size();
  executor_->Hold();
  grpc::ClientContext context;
  const std::unique_ptr<StreamClient> stream = stub_->InspectStream(&context);
  stream->Write(MakeConfiguration());
  stream->Write(MakeFrame("0"));
  executor_->WaitForCalls(warm_up + 1);
  stream->Write(MakeFrame("1"));
  while (Http("/metrics").find("outcome=\"refused\"} 1\n") == std::string::npos) std::this_thread::yield();
  executor_->Release();
  v1::InspectStreamResponse reply;
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_TRUE(reply.has_result());
  ASSERT_TRUE(stream->Read(&reply));

  EXPECT_EQ(reply.error().code(), static_cast<int>(grpc::StatusCode::RESOURCE_EXHAUSTED));
  EXPECT_TRUE(DetailOf<google::rpc::RetryInfo>(reply.error()).has_value());
}

TEST_F(ServiceTest, UnderLatestTheOldestWaitingFramesAreSkippedInOrder) {
  ServerConfig config = DefaultConfig();
  config.max_frames_per_stream = 2;
  Start(config, Loader());
  const size_t warm_up = executor_->batches().size();
  executor_->Hold();
  grpc::ClientContext context;
  const std::unique_ptr<StreamClient> stream = stub_->InspectStream(&context);
  v1::InspectStreamRequest configuration = MakeConfiguration();
  configuration.mutable_configuration()->set_flow_policy(v1::FLOW_POLICY_LATEST);
  stream->Write(configuration);
  stream->Write(MakeFrame("0"));
  executor_->WaitForCalls(warm_up + 1);  // 0 is inside the model and stays
  for (int i = 1; i <= 5; ++i) stream->Write(MakeFrame(std::to_string(i)));
  while (Http("/metrics").find("outcome=\"skipped\"} 4\n") == std::string::npos) std::this_thread::yield();
  executor_->Release();
  stream->WritesDone();

  std::string outcomes;
  v1::InspectStreamResponse reply;
  for (uint64_t sequence = 0; stream->Read(&reply); ++sequence) {
    EXPECT_EQ(reply.sequence(), sequence);
    EXPECT_EQ(reply.metadata().frame_id(), std::to_string(sequence));
    outcomes += reply.has_result() ? 'r' : reply.has_skipped() ? 's' : 'e';
  }
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(outcomes, "rssssr");
}

TEST_F(ServiceTest, AClientThatLeavesTakesItsWaitingFramesAlong) {
  const size_t warm_up = executor_->batches().size();
  executor_->Hold();
  {
    grpc::ClientContext context;
    const std::unique_ptr<StreamClient> stream = stub_->InspectStream(&context);
    stream->Write(MakeConfiguration());
    for (int i = 0; i < 3; ++i) stream->Write(MakeFrame(std::to_string(i)));
    executor_->WaitForCalls(warm_up + 1);
    while (Http("/metrics").find("bayespfl_frames_in_flight 3\n") == std::string::npos) std::this_thread::yield();
    context.TryCancel();
    EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  // The model is still held: the two that wait leave without it.
  while (Http("/metrics").find("outcome=\"cancelled\"} 2\n") == std::string::npos) std::this_thread::yield();
  executor_->Release();
  while (Http("/metrics").find("bayespfl_frames_in_flight 0\n") == std::string::npos) std::this_thread::yield();
}

TEST_F(ServiceTest, WithoutReplicasTheProbeAsksForARestart) {
  executor_->FailCalls(1000);
  executor_->AllowRebuilds(0);

  EXPECT_EQ(Inspect(MakeRequest()).error_code(), grpc::StatusCode::INTERNAL);
  while (Http("/livez", 503).find("could not be rebuilt") == std::string::npos) std::this_thread::yield();
  EXPECT_THAT(Http("/readyz", 503), HasSubstr("could not be rebuilt"));
  EXPECT_THAT(Http("/metrics"), HasSubstr("bayespfl_replica_failures_total{outcome=\"lost\"} 1\n"));
}

TEST_F(ServiceTest, CountsRequestsAndFrames) {
  ASSERT_TRUE(Inspect(MakeRequest()).ok());
  v1::InspectRequest bad = MakeRequest();
  bad.mutable_image()->set_encoded("no picture");
  ASSERT_FALSE(Inspect(bad).ok());
  bad.mutable_options()->set_samples(0);
  ASSERT_FALSE(Inspect(bad).ok());

  const std::string metrics = Http("/metrics");

  EXPECT_THAT(metrics, HasSubstr("bayespfl_requests_total{code=\"OK\",method=\"Inspect\"} 1\n"));
  EXPECT_THAT(metrics, HasSubstr("bayespfl_requests_total{code=\"INVALID_ARGUMENT\",method=\"Inspect\"} 2\n"));
  EXPECT_THAT(metrics, HasSubstr("bayespfl_frames_total{outcome=\"ok\"} 1\n"));
  EXPECT_THAT(metrics, HasSubstr("bayespfl_frames_total{outcome=\"invalid\"} 2\n"));
  EXPECT_THAT(metrics, HasSubstr("bayespfl_frames_in_flight 0\n"));
  EXPECT_THAT(metrics,
              HasSubstr("bayespfl_model_info{device=\"cpu\",model=\"fake\",version=\"1.0+0123456789ab\"} 1\n"));
  EXPECT_THAT(metrics, HasSubstr("bayespfl_stage_latency_seconds_count{stage=\"total\"} 1\n"));
}

// ---- the embedded model --------------------------------------------------------------------------------------------

class EmbeddedModelTest : public ServiceTest {
 protected:
  void SetUp() override {
    ServerConfig config = DefaultConfig();
    config.model = BAYESPFL_ASSETS_DIR "/demo/model";
    config.device = "cpu";
    Start(config, nullptr);
  }
};

TEST_F(EmbeddedModelTest, TheSameSeedGivesTheSameScore) {
  v1::InspectRequest request = MakeRequest();
  request.mutable_options()->set_anomaly_map(v1::MAP_ENCODING_FLOAT32);
  v1::InspectResponse first;
  v1::InspectResponse second;

  ASSERT_TRUE(Inspect(request, &first).ok());
  ASSERT_TRUE(Inspect(request, &second).ok());

  EXPECT_GE(first.score(), 0.0F);
  EXPECT_LE(first.score(), 1.0F);
  EXPECT_EQ(first.score(), second.score());
  EXPECT_EQ(first.anomaly_map().data(), second.anomaly_map().data());
  EXPECT_EQ(first.anomaly_map().data().size(), 40U * 30U * 4U);
}

TEST_F(EmbeddedModelTest, RejectsCategoriesThatTheVocabularyForbids) {
  v1::InspectRequest request = MakeRequest();
  request.mutable_options()->set_category("<|endoftext|>");
  ExpectInvalid(request, "");
  std::string words;
  for (int i = 0; i < 60; ++i) words += "ab ";
  request.mutable_options()->set_category(words);
  ExpectInvalid(request, "");
}

}  // namespace
}  // namespace bayespfl::server
