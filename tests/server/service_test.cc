// Unary calls of InspectionService over a real socket: answers, the error contract, counters, the embedded model.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "bayespfl/inspection/v1/inspection.grpc.pb.h"
#include "model/image/decode.h"
#include "server/runtime/server.h"
#include "tests/server/raw_call.h"
#include "tests/server/service_fixture.h"
#include "tests/support/demo_model.h"
#include "tests/support/paths.h"
#include "tests/support/test_device.h"

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
  EXPECT_EQ(response.object(), "metal nut");
  EXPECT_EQ(response.provenance().seed(), 42U);
  EXPECT_EQ(response.provenance().samples(), 5U);
  EXPECT_EQ(response.anomaly_map().width(), 40U);
  EXPECT_EQ(response.anomaly_map().height(), 30U);
  EXPECT_EQ(response.anomaly_map().data().size(), 40U * 30U * 4U);
  EXPECT_EQ(response.deviation_map().encoding(), v1::MAP_ENCODING_PNG8);
  EXPECT_EQ(response.mask().encoding(), v1::MASK_ENCODING_PNG8);
  EXPECT_EQ(response.mask().width(), 40U);
  EXPECT_GT(response.mask().area_pixels(), 0U);
  EXPECT_EQ(response.provenance().model_version(), "1.0+0123456789ab");
  ASSERT_GT(response.timings_size(), 0);
  EXPECT_EQ(response.timings(response.timings_size() - 1).stage(), "total");
  EXPECT_GT(response.timings(response.timings_size() - 1).seconds(), 0);
}

TEST_F(ServiceTest, SendsNoMapsUnasked) {
  v1::InspectResponse response;
  ASSERT_TRUE(Inspect(MakeRequest(), &response).ok());

  EXPECT_FALSE(response.has_anomaly_map());
  EXPECT_FALSE(response.has_deviation_map());
  EXPECT_FALSE(response.has_mask());
  EXPECT_FALSE(response.has_inspected_picture());
  EXPECT_FALSE(response.has_regions_total());
  EXPECT_THAT(detector_->map_sizes(), ::testing::Not(::testing::Contains(MapSize::kFrame)));
}

TEST_F(ServiceTest, WithoutASeedTheSamePartGetsTheSameAnswerTwice) {
  v1::InspectRequest request = MakeRequest();
  request.mutable_options()->clear_seed();
  v1::InspectResponse first;
  v1::InspectResponse second;
  v1::InspectResponse calibrated;

  ASSERT_TRUE(Inspect(request, &first).ok());
  ASSERT_TRUE(Inspect(request, &second).ok());
  request.mutable_options()->set_category("leather");
  ASSERT_TRUE(Inspect(request, &calibrated).ok());

  EXPECT_EQ(first.provenance().seed(), 0U);
  EXPECT_EQ(second.provenance().seed(), 0U);
  EXPECT_EQ(first.provenance().samples(), 3U);
  EXPECT_EQ(calibrated.provenance().seed(), 7U) << "as it was calibrated";
  EXPECT_EQ(calibrated.provenance().samples(), 5U);
}

TEST_F(ServiceTest, ARandomSeedIsDrawnAndReturnedWhenAskedFor) {
  v1::InspectRequest request = MakeRequest();
  request.mutable_options()->set_random_seed(true);
  v1::InspectResponse first;
  v1::InspectResponse second;

  ASSERT_TRUE(Inspect(request, &first).ok());
  ASSERT_TRUE(Inspect(request, &second).ok());

  EXPECT_NE(first.provenance().seed(), second.provenance().seed());
}

TEST_F(ServiceTest, AcceptsEveryEncodedFormat) {
  constexpr size_t kMaxBytes = 1 << 16;
  for (const char* name : {"rgb_56x56.png", "tiny_jpeg0", "tiny_bmp0", "tiny_tiff0", "tiny_webp0"}) {
    const absl::StatusOr<std::string> file =
        ReadFile(testing::SourceFile(absl::StrCat("tests/fuzz/corpus/picture/", name)), kMaxBytes);
    ASSERT_TRUE(file.ok()) << file.status();
    v1::InspectRequest request = MakeRequest();
    request.mutable_image()->set_encoded(*file);
    EXPECT_TRUE(Inspect(request).ok()) << name;
  }
}

TEST_F(ServiceTest, AcceptsRawPixels) {
  v1::InspectRequest request = MakeRequest();
  v1::RawImage& raw = *request.mutable_image()->mutable_raw();
  raw.set_width(4);
  raw.set_height(2);
  raw.set_pfnc_pixel_format(0x010C0047);  // Mono12p
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
  std::string bytes = EncodeJpeg(200, 200);
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
  raw.set_pfnc_pixel_format(0x02180014);  // RGB8
  raw.set_data(std::string(23, '\0'));
  ExpectInvalid(request, "23");
}

TEST_F(ServiceTest, RejectsPicturesOverTheLimitsAndNamesTheSetting) {
  v1::InspectRequest request = MakeRequest();
  request.mutable_image()->set_encoded(std::string((1 << 20) + 1, 'x'));
  ExpectInvalid(request, "max_image_bytes = 1048576");
  request.mutable_image()->set_encoded(EncodePng(401, 250));
  ExpectInvalid(request, "max_image_pixels = 100000");
}

TEST_F(ServiceTest, RejectsBadCategories) {
  v1::InspectRequest request = MakeRequest();
  request.mutable_options()->set_category("");
  ExpectInvalid(request, "options.category cannot be used: it is empty");
  request.mutable_options()->set_category(std::string(257, 'a'));
  ExpectInvalid(request, "options.category cannot be used: it has 257 bytes; the limit is 256");
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
  EXPECT_EQ(ErrorOf(status).reason(), v1::ERROR_REASON_MALFORMED_MESSAGE);
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

// The fake's score is its seed in hundredths; leather's lines are 0.3 and 0.5.
TEST_F(ServiceTest, ACalibratedCategoryHasAVerdictAndTheRuleThatDecided) {
  const std::map<uint64_t, v1::Verdict> verdicts = {
      {30, v1::VERDICT_PASS}, {31, v1::VERDICT_REVIEW}, {50, v1::VERDICT_REVIEW}, {51, v1::VERDICT_FAIL}};
  for (const auto& [seed, verdict] : verdicts) {
    v1::InspectRequest request = MakeRequest();
    request.mutable_options()->set_category(" leather ");
    request.mutable_options()->set_seed(seed);
    v1::InspectResponse response;

    ASSERT_TRUE(Inspect(request, &response).ok());

    EXPECT_EQ(response.category(), "leather");
    EXPECT_EQ(response.object(), "tanned leather");
    EXPECT_EQ(response.verdict(), verdict) << seed;
    EXPECT_EQ(response.decided_by(),
              verdict == v1::VERDICT_PASS ? v1::DECISION_RULE_UNSPECIFIED : v1::DECISION_RULE_SCORE);
    EXPECT_EQ(response.thresholds().source(), v1::THRESHOLD_SOURCE_CATEGORY);
    EXPECT_EQ(response.thresholds().revision(), LeatherCalibration().defaults.thresholds.revision);
    EXPECT_EQ(response.provenance().thresholds_revision(), response.thresholds().revision());
    EXPECT_EQ(response.thresholds().lines(0).fail(), 0.5F);
    EXPECT_TRUE(response.has_mixed_score());
  }
}

TEST_F(ServiceTest, TheRequestsMaskThresholdChangesTheMaskAndNotTheVerdict) {
  v1::InspectRequest request = MakeRequest();
  request.mutable_options()->set_category("leather");
  request.mutable_options()->mutable_regions();
  v1::InspectResponse usual;
  v1::InspectResponse own;

  ASSERT_TRUE(Inspect(request, &usual).ok());
  request.mutable_options()->set_mask_threshold(0.875F);
  ASSERT_TRUE(Inspect(request, &own).ok());

  EXPECT_EQ(usual.thresholds().mask(), 0.25F);
  EXPECT_EQ(usual.mask_area_fraction(), 1) << "the whole map reaches it";
  EXPECT_EQ(own.thresholds().mask(), 0.875F);
  EXPECT_EQ(own.mask_area_fraction(), 1.0 / 64) << "one pixel of the model's 8 x 8";
  EXPECT_EQ(own.largest_region_fraction(), usual.largest_region_fraction());
  EXPECT_EQ(own.verdict(), usual.verdict());
  EXPECT_EQ(own.provenance().thresholds_revision(), usual.provenance().thresholds_revision());
}

TEST_F(ServiceTest, ACategoryThatIsNotCalibratedHasNoVerdict) {
  v1::InspectResponse response;

  ASSERT_TRUE(Inspect(MakeRequest(), &response).ok());

  EXPECT_EQ(response.verdict(), v1::VERDICT_UNSPECIFIED);
  EXPECT_EQ(response.thresholds().source(), v1::THRESHOLD_SOURCE_PACKAGE);
  EXPECT_EQ(response.thresholds().mask(), 0.75F);
  EXPECT_EQ(response.thresholds().lines_size(), 0);
  EXPECT_FALSE(response.has_mixed_score());
}

TEST_F(ServiceTest, AnotherObjectThanTheCalibratedOneHasNoVerdict) {
  v1::InspectRequest request = MakeRequest();
  request.mutable_options()->set_category("leather");
  request.mutable_options()->set_object("suede");
  v1::InspectResponse response;

  ASSERT_TRUE(Inspect(request, &response).ok());

  EXPECT_EQ(response.object(), "suede");
  EXPECT_THAT(detector_->objects(), ::testing::Contains("suede"));
  EXPECT_EQ(response.verdict(), v1::VERDICT_UNSPECIFIED);
  EXPECT_EQ(response.thresholds().source(), v1::THRESHOLD_SOURCE_PACKAGE);
}

TEST_F(ServiceTest, SendsRegionsInPixelsOfTheFrame) {
  v1::InspectRequest request = MakeRequest();  // 40 x 30 pixels; the fake's map is 8 x 8, its first pixel 1
  request.mutable_options()->mutable_regions()->set_max_regions(1);
  v1::InspectResponse response;

  ASSERT_TRUE(Inspect(request, &response).ok());

  ASSERT_EQ(response.regions_size(), 1);
  EXPECT_EQ(response.regions_total(), 1U);
  const v1::Region& region = response.regions(0);
  EXPECT_EQ(region.box().ShortDebugString(), "width: 5 height: 3.75");
  EXPECT_EQ(region.centroid().ShortDebugString(), "x: 2.5 y: 1.875");
  EXPECT_EQ(region.area_fraction(), 1.0 / 64);
  EXPECT_EQ(region.peak(), 1.0F);
  EXPECT_EQ(region.contour_size(), 4);
}

TEST_F(ServiceTest, SendsThePictureAsItWasInspected) {
  v1::InspectRequest request = MakeRequest();
  v1::RawImage& raw = *request.mutable_image()->mutable_raw();
  raw.set_width(2);
  raw.set_height(1);
  raw.set_pfnc_pixel_format(0x02180015);  // BGR8
  raw.set_data("\x01\x02\x03\x04\x05\x06");
  request.mutable_options()->set_inspected_picture(v1::PICTURE_ENCODING_PNG);
  v1::InspectResponse response;

  ASSERT_TRUE(Inspect(request, &response).ok());

  EXPECT_EQ(response.inspected_picture().encoding(), v1::PICTURE_ENCODING_PNG);
  const std::string& png = response.inspected_picture().data();
  const absl::StatusOr<RgbImage> picture = DecodeImage({reinterpret_cast<const uint8_t*>(png.data()), png.size()});
  ASSERT_TRUE(picture.ok()) << picture.status();
  EXPECT_EQ(picture->pixels, (std::vector<uint8_t>{3, 2, 1, 6, 5, 4}));
}

TEST_F(ServiceTest, ProvenanceSaysHowToGetTheAnswerAgain) {
  v1::InspectRequest request = MakeRequest();
  request.mutable_image()->mutable_raw()->set_width(3);
  request.mutable_image()->mutable_raw()->set_height(1);
  request.mutable_image()->mutable_raw()->set_pfnc_pixel_format(0x01080001);  // Mono8
  request.mutable_image()->mutable_raw()->set_data("abc");
  v1::InspectResponse first;
  v1::InspectResponse second;

  ASSERT_TRUE(Inspect(request, &first).ok());
  ASSERT_TRUE(Inspect(request, &second).ok());

  const v1::Provenance& provenance = first.provenance();
  EXPECT_THAT(provenance.result_id(),
              ::testing::MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
  EXPECT_LT(provenance.result_id(), second.provenance().result_id());
  EXPECT_EQ(provenance.model(), "fake");
  EXPECT_EQ(provenance.model_digest(), "0123456789ab");
  EXPECT_EQ(provenance.computation_digest(), "ba9876543210");
  EXPECT_EQ(provenance.precision(), "fp32");
  EXPECT_EQ(provenance.kernels(), "fake kernels");
  EXPECT_EQ(provenance.device(), "cpu");
  EXPECT_EQ(provenance.server_version(), BAYESPFL_VERSION);
  EXPECT_EQ(provenance.picture_sha256(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
      << "SHA-256 of abc, FIPS 180-2";
  EXPECT_TRUE(provenance.ran_alone());
}

TEST_F(ServiceTest, ListsAndDescribesTheModels) {
  grpc::ClientContext list_context;
  v1::ListModelsResponse list;
  grpc::ClientContext get_context;
  v1::GetModelResponse get;
  grpc::ClientContext other_context;
  v1::GetModelRequest other;
  other.set_name("no-such-model");

  ASSERT_TRUE(stub_->ListModels(&list_context, {}, &list).ok());
  ASSERT_TRUE(stub_->GetModel(&get_context, {}, &get).ok());
  const grpc::Status missing = stub_->GetModel(&other_context, other, &get);

  ASSERT_EQ(list.models_size(), 1);
  EXPECT_EQ(list.models(0).name(), "fake");
  EXPECT_TRUE(list.models(0).is_default());
  EXPECT_EQ(list.models(0).categories_size(), 0);
  EXPECT_EQ(list.models(0).categories_total(), 1U);
  EXPECT_EQ(get.model().categories(0).category(), "leather");
  EXPECT_EQ(get.model().categories(0).object(), "tanned leather");
  EXPECT_TRUE(get.model().is_default());
  EXPECT_EQ(missing.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(ErrorOf(missing).reason(), v1::ERROR_REASON_MODEL_NOT_FOUND);
  EXPECT_THAT(missing.error_message(), HasSubstr("there are: fake"));
}

TEST_F(ServiceTest, TellsItsLimits) {
  ServerConfig config = DefaultConfig();
  config.max_streams_per_client = 3;
  config.max_frames_per_second_per_client = 50;
  config.max_stream_age_seconds = 60;
  config.min_ping_interval_seconds = 4;
  Start(config, Loader());
  grpc::ClientContext context;
  v1::GetServerInfoResponse info;

  ASSERT_TRUE(stub_->GetServerInfo(&context, {}, &info).ok());

  EXPECT_EQ(info.version(), BAYESPFL_VERSION);
  EXPECT_EQ(info.limits().ShortDebugString(),
            "max_message_bytes: 2097152 max_picture_bytes: 1048576 max_picture_pixels: 100000 max_frames_per_stream: 4 "
            "max_frames_in_flight: 8 max_streams: 256 max_streams_per_client: 3 max_frames_per_second_per_client: 50 "
            "min_ping_interval { seconds: 4 } max_stream_age { seconds: 60 }");
}

// Each over the socket, as a client meets it.
TEST_F(ServiceTest, EveryErrorHasItsReason) {
  const auto reason_of = [this](const v1::InspectRequest& request) { return ErrorOf(Inspect(request)).reason(); };
  v1::InspectRequest bad_field = MakeRequest();
  bad_field.mutable_options()->set_samples(65);
  v1::InspectRequest damaged = MakeRequest();
  damaged.mutable_image()->set_encoded("no picture");
  v1::InspectRequest large = MakeRequest();
  large.mutable_image()->set_encoded(EncodePng(401, 250));
  v1::InspectRequest other_model = MakeRequest();
  other_model.mutable_options()->set_model("other");
  v1::InspectRequest failing = MakeRequest();
  failing.mutable_options()->set_seed(kFailingSeed);
  v1::InspectRequest wrong_object = MakeRequest();
  wrong_object.mutable_options()->set_object("<|endoftext|>");

  EXPECT_EQ(reason_of(bad_field), v1::ERROR_REASON_INVALID_FIELD);
  EXPECT_EQ(reason_of(damaged), v1::ERROR_REASON_INVALID_PICTURE);
  EXPECT_EQ(reason_of(large), v1::ERROR_REASON_PICTURE_TOO_LARGE);
  EXPECT_EQ(reason_of(other_model), v1::ERROR_REASON_MODEL_NOT_FOUND);
  EXPECT_EQ(reason_of(failing), v1::ERROR_REASON_DEVICE_FAILED);
  EXPECT_EQ(reason_of(wrong_object), v1::ERROR_REASON_INVALID_FIELD);
  EXPECT_EQ(ErrorOf(Inspect(bad_field)).violations(0).field(), "options.samples");
  EXPECT_EQ(ErrorOf(Inspect(bad_field)).violations(0).description(), "is 65; expected 1 to 64");
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
  EXPECT_EQ(ErrorOf(status).reason(), v1::ERROR_REASON_QUEUE_FULL);
  EXPECT_TRUE(ErrorOf(status).has_retry_delay());
  EXPECT_TRUE(DetailOf<rpc::RetryInfo>(status, "google.rpc.RetryInfo").has_value());
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
  EXPECT_THAT(metrics, HasSubstr("bayespfl_frames_total{model=\"fake\",outcome=\"ok\"} 1\n"));
  EXPECT_THAT(metrics, HasSubstr("bayespfl_frames_total{model=\"fake\",outcome=\"invalid\"} 1\n"));  // the picture
  EXPECT_THAT(metrics, HasSubstr("bayespfl_frames_total{model=\"\",outcome=\"invalid\"} 1\n"));      // the request
  EXPECT_THAT(metrics, HasSubstr("bayespfl_frames_in_flight 0\n"));
  EXPECT_THAT(metrics,
              HasSubstr("bayespfl_model_info{device=\"cpu\",model=\"fake\",version=\"1.0+0123456789ab\"} 1\n"));
  EXPECT_THAT(metrics, HasSubstr("bayespfl_stage_latency_seconds_count{model=\"fake\",stage=\"total\"} 1\n"));
}

// ---- the embedded model --------------------------------------------------------------------------------------------

class EmbeddedModelTest : public ServiceTest {
 protected:
  void SetUp() override {
    ServerConfig config = DefaultConfig();
    config.model = testing::kDemoModel;
    config.device = testing::TestDevice();
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
  EXPECT_THAT(first.provenance().kernels(), ::testing::StartsWith("libtorch "));
  EXPECT_EQ(first.provenance().model_digest().size(), 64U);
  EXPECT_EQ(first.anomaly_map().data(), second.anomaly_map().data());
  EXPECT_EQ(first.anomaly_map().data().size(), 40U * 30U * 4U);
}

TEST_F(EmbeddedModelTest, RejectsCategoriesThatTheVocabularyForbids) {
  v1::InspectRequest request = MakeRequest();
  request.mutable_options()->set_category("<|endoftext|>");
  ExpectInvalid(request, "");
  std::string words;
  for (int i = 0; i < 70; ++i) words += "ab ";
  request.mutable_options()->set_category(words);
  ExpectInvalid(request, "");
}

}  // namespace
}  // namespace bayespfl::server
