// Unary calls of InspectionService over a real socket: answers, the error contract, counters, the embedded model.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <limits>
#include <string>
#include <thread>

#include "bayespfl/inspection/v1/inspection.grpc.pb.h"
#include "server/runtime/server.h"
#include "tests/server/raw_call.h"
#include "tests/server/service_fixture.h"
#include "tests/support/demo_model.h"

namespace bayespfl::server {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST_F(ServiceTest, AnswersWithScoresMapsAndMetadata) {
  v1::InspectRequest request = MakeRequest();
  request.mutable_metadata()->set_camera_id("camera 3");
  request.mutable_metadata()->mutable_capture_time()->set_seconds(17);
  request.mutable_options()->set_anomaly_map(v1::MAP_ENCODING_FLOAT32);
  request.mutable_options()->set_deviation_map(v1::MAP_ENCODING_PNG8);
  request.mutable_options()->set_mask(v1::MASK_ENCODING_PNG8);
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
  grpc::ClientContext context;
  const std::string request("\x1A\x05\x0A\x03\xFF\xFE\xFD", 7);  // options { category: "\xFF\xFE\xFD" }

  const grpc::Status status =
      RawCall(channel_, context, "/bayespfl.inspection.v1.InspectionService/Inspect", request).status;

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

TEST_F(ServiceTest, RefusesAtOnceWhenTheServerIsFull) {
  ServerConfig config = DefaultConfig();
  config.max_frames_in_flight = 1;
  Start(config, Loader());
  detector_->Hold();
  std::thread first([this] { EXPECT_TRUE(Inspect(MakeRequest()).ok()); });
  detector_->WaitForCalls(3);  // two servers' warm-ups and the frame

  const grpc::Status status = Inspect(MakeRequest());

  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), AllOf(HasSubstr("1 frames in flight"), HasSubstr("max_frames_in_flight = 1")));
  detector_->Release();
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
  request.mutable_options()->set_mask(v1::MASK_ENCODING_PNG8);
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

TEST_F(ServiceTest, ARefusedCallSaysWhenToTryAgain) {
  ServerConfig config = DefaultConfig();
  config.max_frames_in_flight = 1;
  Start(config, Loader());
  const size_t warm_up = detector_->batches().size();
  detector_->Hold();
  std::thread holder([this] { EXPECT_TRUE(Inspect(MakeRequest()).ok()); });
  detector_->WaitForCalls(warm_up + 1);
  grpc::ClientContext context;
  v1::InspectResponse response;

  const grpc::Status status = stub_->Inspect(&context, MakeRequest(), &response);

  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), HasSubstr("max_frames_in_flight = 1"));
  EXPECT_EQ(context.GetServerTrailingMetadata().count("grpc-retry-pushback-ms"), 1U);
  EXPECT_TRUE(DetailOf<google::rpc::RetryInfo>(DetailsOf(status)).has_value());
  detector_->Release();
  holder.join();
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
    config.model = testing::kDemoModel;
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
