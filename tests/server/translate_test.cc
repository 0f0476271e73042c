#include "server/api/translate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <variant>

#include "absl/time/clock.h"
#include "base/utf8.h"
#include "server/api/status.h"
#include "server/pipeline/refusal.h"

namespace bayespfl::server {
namespace {

namespace v1 = inspection::v1;
using ::testing::HasSubstr;

v1::InspectRequest MakeRequest() {
  v1::InspectRequest request;
  request.mutable_image()->set_encoded("bytes");
  request.mutable_options()->set_category("metal nut");
  return request;
}

void ExpectInvalid(const absl::Status& status, const std::string& part) {
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr(part));
}

TEST(TranslateTest, AbsentOptionsBecomeTheDefaults) {
  const absl::StatusOr<FrameRequest> frame = FrameFromProto(MakeRequest());

  ASSERT_TRUE(frame.ok()) << frame.status();
  EXPECT_EQ(frame->options.category.samples, 0);
  EXPECT_EQ(frame->options.resolution, MapSize::kFrame);
  EXPECT_EQ(frame->options.anomaly_map, MapEncoding::kNone);
  EXPECT_FALSE(frame->options.judge.mask_threshold.has_value());
  EXPECT_EQ(frame->deadline, absl::InfiniteFuture());
  EXPECT_EQ(std::get<EncodedImage>(frame->image.pixels).data.size(), 5U);
}

TEST(TranslateTest, GivenOptionsAreTaken) {
  v1::InspectRequest request = MakeRequest();
  v1::InspectOptions& options = *request.mutable_options();
  options.set_samples(64);
  options.set_seed(0);
  options.set_anomaly_map(v1::MAP_ENCODING_PNG16);
  options.set_deviation_map(v1::MAP_ENCODING_FLOAT32);
  options.set_mask(v1::MASK_ENCODING_PNG8);
  options.set_resolution(v1::MAP_RESOLUTION_MODEL);
  options.set_mask_threshold(1.0F);

  const absl::StatusOr<FrameRequest> frame = FrameFromProto(request);

  ASSERT_TRUE(frame.ok()) << frame.status();
  EXPECT_EQ(frame->options.category.samples, 64);
  EXPECT_EQ(frame->options.category.seed, 0U);
  EXPECT_EQ(frame->options.anomaly_map, MapEncoding::kPng16);
  EXPECT_EQ(frame->options.deviation_map, MapEncoding::kFloat32);
  EXPECT_EQ(frame->options.mask, MapEncoding::kPng8);
  EXPECT_EQ(frame->options.resolution, MapSize::kModel);
  EXPECT_EQ(frame->options.judge.mask_threshold, 1.0F);
}

TEST(TranslateTest, PrioritiesKeepTheirOrder) {
  const std::map<int, Priority> priorities = {{v1::PRIORITY_HIGH, Priority::kHigh},
                                              {v1::PRIORITY_UNSPECIFIED, Priority::kNormal},
                                              {v1::PRIORITY_NORMAL, Priority::kNormal},
                                              {v1::PRIORITY_LOW, Priority::kLow}};
  for (const auto& [sent, taken] : priorities) {
    v1::InspectRequest request = MakeRequest();
    request.mutable_options()->set_priority(static_cast<v1::Priority>(sent));

    const absl::StatusOr<FrameRequest> frame = FrameFromProto(request);

    ASSERT_TRUE(frame.ok()) << frame.status();
    EXPECT_EQ(frame->options.priority, taken) << sent;
  }
  v1::InspectRequest request = MakeRequest();
  request.mutable_options()->set_priority(static_cast<v1::Priority>(17));
  EXPECT_THAT(std::string(FrameFromProto(request).status().message()), HasSubstr("options.priority"));
}

TEST(TranslateTest, RejectsThresholdsOutsideTheUnitInterval) {
  for (const float threshold : {-0.1F, 1.1F, std::numeric_limits<float>::quiet_NaN(), HUGE_VALF}) {
    v1::InspectRequest request = MakeRequest();
    request.mutable_options()->set_mask_threshold(threshold);
    ExpectInvalid(FrameFromProto(request).status(), "options.mask_threshold is ");
  }
}

TEST(TranslateTest, RejectsUnknownEnumValues) {
  v1::InspectRequest request = MakeRequest();
  request.mutable_options()->set_deviation_map(static_cast<v1::MapEncoding>(4));
  ExpectInvalid(FrameFromProto(request).status(), "options.deviation_map is 4");
  request = MakeRequest();
  request.mutable_options()->set_resolution(static_cast<v1::MapResolution>(-1));
  ExpectInvalid(FrameFromProto(request).status(), "options.resolution is -1");
  request = MakeRequest();
  request.mutable_image()->mutable_raw()->set_format(static_cast<v1::PixelFormat>(77));
  ExpectInvalid(FrameFromProto(request).status(), "image.raw.format is 77");
  request.mutable_image()->mutable_raw()->set_format(v1::PIXEL_FORMAT_UNSPECIFIED);
  ExpectInvalid(FrameFromProto(request).status(), "image.raw.format is not given");
}

TEST(TranslateTest, TakesSignificantBitsOnlyWhereTheyHaveMeaning) {
  v1::Image image;
  image.set_encoded("x");
  for (const uint32_t bits : {1U, 8U, 17U}) {
    image.set_significant_bits(bits);
    ExpectInvalid(ImageFromProto(image).status(), "image.significant_bits is ");
  }
  image.set_significant_bits(12);
  EXPECT_EQ(ImageFromProto(image)->significant_bits, 12);
  image.mutable_raw()->set_width(1);
  image.mutable_raw()->set_height(1);
  image.mutable_raw()->set_format(v1::PIXEL_FORMAT_MONO8);
  ExpectInvalid(ImageFromProto(image).status(), "only MONO16");
  image.mutable_raw()->set_format(v1::PIXEL_FORMAT_MONO16);
  EXPECT_TRUE(ImageFromProto(image).ok());
}

TEST(TranslateTest, EveryPixelFormatOfTheContractIsKnown) {
  for (int format = 1; v1::PixelFormat_IsValid(format); ++format) {
    v1::Image image;
    image.mutable_raw()->set_width(1);
    image.mutable_raw()->set_height(1);
    image.mutable_raw()->set_format(static_cast<v1::PixelFormat>(format));
    EXPECT_TRUE(ImageFromProto(image).ok()) << format;
  }
}

TEST(TranslateTest, RejectsRawPicturesWithoutASide) {
  v1::Image image;
  image.mutable_raw()->set_format(v1::PIXEL_FORMAT_RGB8);
  image.mutable_raw()->set_width(4);
  ExpectInvalid(ImageFromProto(image).status(), "image.raw is 4 x 0 pixels");
}

TEST(TranslateTest, MeasuresCategoriesInBytes) {
  EXPECT_TRUE(CheckCategory(std::string(256, 'a'), "c").ok());
  ExpectInvalid(CheckCategory(std::string(257, 'a'), "c"), "c has 257 bytes; expected 1 to 256");
  ExpectInvalid(CheckCategory("", "c"), "c has 0 bytes");
  ExpectInvalid(CheckCategory("\xC3", "c"), "c is not valid UTF-8");
}

TEST(TranslateTest, StreamFrameTakesTheConfigurationsOptionsAndItsOwn) {
  v1::StreamConfiguration configuration;
  configuration.mutable_options()->set_category("zipper");
  configuration.mutable_options()->set_seed(9);
  configuration.mutable_options()->set_samples(2);
  const absl::StatusOr<StreamDefaults> defaults = DefaultsFromProto(configuration);
  ASSERT_TRUE(defaults.ok());
  v1::StreamFrame frame;
  frame.mutable_image()->set_encoded("x");

  const absl::StatusOr<FrameRequest> plain = FrameFromProto(frame, *defaults);
  frame.set_category("screw");
  frame.set_seed(1);
  frame.mutable_timeout()->set_seconds(5);
  const absl::StatusOr<FrameRequest> own = FrameFromProto(frame, *defaults);

  ASSERT_TRUE(plain.ok() && own.ok());
  EXPECT_EQ(plain->options.category, "zipper");
  EXPECT_EQ(plain->options.seed, 9U);
  EXPECT_EQ(own->options.category, "screw");
  EXPECT_EQ(own->options.seed, 1U);
  EXPECT_EQ(own->options.samples, 2);
  EXPECT_LE(own->deadline, absl::Now() + absl::Seconds(5));
  EXPECT_GT(own->deadline, absl::Now() + absl::Seconds(1));
}

TEST(TranslateTest, StreamWithoutACategoryNeedsOneInEveryFrame) {
  const absl::StatusOr<StreamDefaults> defaults = DefaultsFromProto({});
  ASSERT_TRUE(defaults.ok());
  v1::StreamFrame frame;
  frame.mutable_image()->set_encoded("x");

  ExpectInvalid(FrameFromProto(frame, *defaults).status(), "configuration.options.category has 0 bytes");
  frame.set_category("screw");
  EXPECT_TRUE(FrameFromProto(frame, *defaults).ok());
}

TEST(TranslateTest, RejectsTimeoutsThatAreNotPositive) {
  google::protobuf::Duration timeout;
  ExpectInvalid(TimeoutFromProto(timeout).status(), "frame.timeout is 0 s and 0 ns");
  timeout.set_seconds(1);
  timeout.set_nanos(-5);
  ExpectInvalid(TimeoutFromProto(timeout).status(), "frame.timeout");
  timeout.set_nanos(1'000'000'000);
  ExpectInvalid(TimeoutFromProto(timeout).status(), "frame.timeout");
  timeout.set_nanos(500'000'000);
  EXPECT_EQ(*TimeoutFromProto(timeout), absl::Milliseconds(1500));
}

TEST(TranslateTest, OutcomeBecomesAResponse) {
  InspectionOutcome outcome;
  outcome.score = 0.5F;
  outcome.samples = 3;
  outcome.mask = EncodedMap{.encoding = MapEncoding::kPng8, .width = 2, .height = 1, .data = "png"};
  outcome.seconds.model.prompts = 0.25;

  const v1::InspectResponse response = ToProto(outcome);

  EXPECT_EQ(response.score(), 0.5F);
  EXPECT_EQ(response.samples(), 3U);
  EXPECT_EQ(response.mask().encoding(), v1::MAP_ENCODING_PNG8);
  EXPECT_EQ(response.mask().data(), "png");
  EXPECT_FALSE(response.has_anomaly_map());
  EXPECT_EQ(response.seconds().prompts(), 0.25);
}

TEST(StatusTest, MessagesAreEscapedAndCut) {
  EXPECT_EQ(WireMessage("bad \xFF"), "bad \\xff");
  EXPECT_EQ(WireMessage(std::string(5000, 'a')).size(), kMaxErrorMessageBytes);
  EXPECT_TRUE(IsUtf8(WireMessage("a" + std::string(300, ' ') + [] {
    std::string text;
    for (int i = 0; i < 1000; ++i) text += "\xC3\xBC";
    return text;
  }())));
}

TEST(StatusTest, PayloadsBecomeDetails) {
  absl::Status status = absl::ResourceExhaustedError("full");
  status.SetPayload("type.googleapis.com/google.rpc.RetryInfo", absl::Cord("payload"));

  const grpc::Status converted = ToGrpcStatus(status);

  EXPECT_EQ(converted.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(converted.error_details()));
  ASSERT_EQ(details.details_size(), 1);
  EXPECT_EQ(details.details(0).value(), "payload");
  EXPECT_TRUE(ToGrpcStatus(absl::InternalError("x")).error_details().empty());
  EXPECT_TRUE(ToGrpcStatus(absl::OkStatus()).ok());
  EXPECT_EQ(CodeName(grpc::StatusCode::UNAUTHENTICATED), "UNAUTHENTICATED");
  EXPECT_EQ(CodeName(grpc::StatusCode::DATA_LOSS), "DATA_LOSS");
}

TEST(StatusTest, TheReasonOfARefusalStaysInside) {
  const absl::Status refused = WithRefusal(absl::ResourceExhaustedError("full"), Refusal::kQueueFull);

  EXPECT_TRUE(ToGrpcStatus(refused).error_details().empty());
  EXPECT_EQ(ToProto(WithErrorInfo(refused, "FULL")).details_size(), 1);
}

TEST(StatusTest, ARefusalByAServerThatDrainsSaysSo) {
  const google::rpc::Status told = ToProto(WithRefusal(absl::UnavailableError("stops"), Refusal::kDraining));

  ASSERT_EQ(told.details_size(), 1);
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(told.details(0).UnpackTo(&info));
  EXPECT_EQ(info.reason(), "DRAINING");
}

}  // namespace
}  // namespace bayespfl::server
