#include "server/api/translate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <variant>

#include "absl/time/clock.h"
#include "server/pipeline/error_reason.h"

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

// Of the reason INVALID_FIELD, with that field and that part in the message.
void ExpectInvalid(const absl::Status& status, const std::string& field, const std::string& part) {
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReasonOf(status), ErrorReason::kInvalidField);
  EXPECT_EQ(FieldOf(status), field);
  EXPECT_THAT(std::string(status.message()), HasSubstr(part));
}

TEST(TranslateTest, AbsentOptionsStayOpen) {
  const absl::StatusOr<FrameRequest> frame = FrameFromProto(MakeRequest());

  ASSERT_TRUE(frame.ok()) << frame.status();
  EXPECT_EQ(frame->options.category.category, "metal nut");
  EXPECT_FALSE(frame->options.category.object.has_value());
  EXPECT_FALSE(frame->options.category.samples.has_value());
  EXPECT_FALSE(frame->options.category.seed.has_value()) << "the category's, which only the model knows";
  EXPECT_EQ(frame->options.resolution, MapSize::kFrame);
  EXPECT_EQ(frame->options.anomaly_map, MapEncoding::kNone);
  EXPECT_EQ(frame->options.mask, MaskEncoding::kNone);
  EXPECT_EQ(frame->options.picture, PictureEncoding::kNone);
  EXPECT_FALSE(frame->options.judge.mask_threshold.has_value());
  EXPECT_FALSE(frame->options.judge.want_regions);
  EXPECT_EQ(frame->deadline, absl::InfiniteFuture());
  EXPECT_EQ(std::get<EncodedImage>(frame->image.pixels).data.size(), 5U);
}

TEST(TranslateTest, GivenOptionsAreTaken) {
  v1::InspectRequest request = MakeRequest();
  v1::InspectOptions& options = *request.mutable_options();
  options.set_object("hexagon nut");
  options.set_samples(64);
  options.set_seed(0);
  options.set_anomaly_map(v1::MAP_ENCODING_PNG16);
  options.set_deviation_map(v1::MAP_ENCODING_FLOAT32);
  options.set_mask(v1::MASK_ENCODING_PNG1);
  options.set_resolution(v1::MAP_RESOLUTION_MODEL);
  options.set_mask_threshold(1.0F);
  options.set_inspected_picture(v1::PICTURE_ENCODING_JPEG);
  options.mutable_regions()->set_max_regions(7);
  options.mutable_regions()->set_max_contour_points(12);

  const absl::StatusOr<FrameRequest> frame = FrameFromProto(request);

  ASSERT_TRUE(frame.ok()) << frame.status();
  EXPECT_EQ(frame->options.category.object, "hexagon nut");
  EXPECT_EQ(frame->options.category.samples, 64);
  EXPECT_EQ(frame->options.category.seed, 0U);
  EXPECT_EQ(frame->options.anomaly_map, MapEncoding::kPng16);
  EXPECT_EQ(frame->options.deviation_map, MapEncoding::kFloat32);
  EXPECT_EQ(frame->options.mask, MaskEncoding::kPng1);
  EXPECT_EQ(frame->options.resolution, MapSize::kModel);
  EXPECT_EQ(frame->options.judge.mask_threshold, 1.0F);
  EXPECT_EQ(frame->options.picture, PictureEncoding::kJpeg);
  EXPECT_TRUE(frame->options.judge.want_regions);
  EXPECT_EQ(frame->options.judge.max_regions, 7U);
  EXPECT_EQ(frame->options.judge.max_contour_points, 12U);
}

TEST(TranslateTest, EveryMaskEncodingIsKnown) {
  const std::map<v1::MaskEncoding, MaskEncoding> encodings = {{v1::MASK_ENCODING_UNSPECIFIED, MaskEncoding::kNone},
                                                              {v1::MASK_ENCODING_PNG8, MaskEncoding::kPng8},
                                                              {v1::MASK_ENCODING_PNG1, MaskEncoding::kPng1},
                                                              {v1::MASK_ENCODING_COCO_RLE, MaskEncoding::kCocoRle}};
  for (const auto& [sent, taken] : encodings) {
    v1::InspectRequest request = MakeRequest();
    request.mutable_options()->set_mask(sent);
    EXPECT_EQ(FrameFromProto(request)->options.mask, taken) << sent;
  }
}

TEST(TranslateTest, ARandomSeedIsDrawnOnlyWhenAskedFor) {
  v1::InspectRequest request = MakeRequest();
  request.mutable_options()->set_random_seed(true);
  const std::optional<uint64_t> first = FrameFromProto(request)->options.category.seed;
  const std::optional<uint64_t> second = FrameFromProto(request)->options.category.seed;
  request.mutable_options()->set_random_seed(false);

  ASSERT_TRUE(first.has_value() && second.has_value());
  EXPECT_NE(*first, *second);
  EXPECT_FALSE(FrameFromProto(request)->options.category.seed.has_value());
}

TEST(TranslateTest, RegionsHaveDefaultsAndCanBeTurnedOff) {
  v1::InspectRequest request = MakeRequest();
  request.mutable_options()->mutable_regions();
  const JudgeOptions judge = FrameFromProto(request)->options.judge;
  request.mutable_options()->mutable_regions()->set_max_regions(0);

  EXPECT_TRUE(judge.want_regions);
  EXPECT_EQ(judge.max_regions, kDefaultRegions);
  EXPECT_EQ(judge.max_contour_points, kDefaultContourPoints);
  EXPECT_FALSE(FrameFromProto(request)->options.judge.want_regions);
}

TEST(TranslateTest, RejectsRegionsOutsideTheirLimits) {
  v1::InspectRequest request = MakeRequest();
  request.mutable_options()->mutable_regions()->set_max_regions(1001);
  ExpectInvalid(FrameFromProto(request).status(), "options.regions.max_regions", "is 1001; expected 0 to 1000");
  request.mutable_options()->mutable_regions()->set_max_regions(1000);
  EXPECT_TRUE(FrameFromProto(request).ok());
  for (const uint32_t points : {0U, 3U, 1001U}) {
    request.mutable_options()->mutable_regions()->set_max_contour_points(points);
    ExpectInvalid(FrameFromProto(request).status(), "options.regions.max_contour_points", "expected 4 to 1000");
  }
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
}

TEST(TranslateTest, RejectsThresholdsOutsideTheUnitInterval) {
  for (const float threshold : {-0.1F, 1.1F, std::numeric_limits<float>::quiet_NaN(), HUGE_VALF}) {
    v1::InspectRequest request = MakeRequest();
    request.mutable_options()->set_mask_threshold(threshold);
    ExpectInvalid(FrameFromProto(request).status(), "options.mask_threshold", "expected 0 to 1");
  }
}

TEST(TranslateTest, RejectsUnknownEnumValues) {
  v1::InspectRequest request = MakeRequest();
  request.mutable_options()->set_deviation_map(static_cast<v1::MapEncoding>(4));
  ExpectInvalid(FrameFromProto(request).status(), "options.deviation_map", "is 4");
  request = MakeRequest();
  request.mutable_options()->set_mask(static_cast<v1::MaskEncoding>(4));
  ExpectInvalid(FrameFromProto(request).status(), "options.mask", "is 4");
  request = MakeRequest();
  request.mutable_options()->set_inspected_picture(static_cast<v1::PictureEncoding>(3));
  ExpectInvalid(FrameFromProto(request).status(), "options.inspected_picture", "is 3");
  request = MakeRequest();
  request.mutable_options()->set_resolution(static_cast<v1::MapResolution>(-1));
  ExpectInvalid(FrameFromProto(request).status(), "options.resolution", "is -1");
  request = MakeRequest();
  request.mutable_options()->set_priority(static_cast<v1::Priority>(17));
  ExpectInvalid(FrameFromProto(request).status(), "options.priority", "is 17");
}

TEST(TranslateTest, NamesPixelFormatsByTheirPfncValue) {
  v1::InspectRequest request = MakeRequest();
  request.mutable_image()->mutable_raw()->set_pfnc_pixel_format(0x0108000C);
  ExpectInvalid(FrameFromProto(request).status(), "image.raw.pfnc_pixel_format", "is 0x0108000C");
  request.mutable_image()->mutable_raw()->set_pfnc_pixel_format(0);
  ExpectInvalid(FrameFromProto(request).status(), "image.raw.pfnc_pixel_format", "is not given");
}

TEST(TranslateTest, TakesSignificantBitsOnlyWhereTheyHaveMeaning) {
  v1::Image image;
  image.set_encoded("x");
  for (const uint32_t bits : {1U, 8U, 17U}) {
    image.set_significant_bits(bits);
    ExpectInvalid(ImageFromProto(image).status(), "image.significant_bits", "expected 9 to 16");
  }
  image.set_significant_bits(12);
  EXPECT_EQ(ImageFromProto(image)->significant_bits, 12);
  image.mutable_raw()->set_width(1);
  image.mutable_raw()->set_height(1);
  image.mutable_raw()->set_pfnc_pixel_format(PfncValue(PixelFormat::kMono8));
  ExpectInvalid(ImageFromProto(image).status(), "image.significant_bits", "Mono8 has its own");
  for (const PixelFormat format : {PixelFormat::kMono16, PixelFormat::kBayerGB16, PixelFormat::kRGB16}) {
    image.mutable_raw()->set_pfnc_pixel_format(PfncValue(format));
    EXPECT_TRUE(ImageFromProto(image).ok()) << PixelFormatName(format);
  }
}

TEST(TranslateTest, TakesTheTrailingBytesOfARawPicture) {
  v1::Image image;
  image.mutable_raw()->set_width(1);
  image.mutable_raw()->set_height(1);
  image.mutable_raw()->set_pfnc_pixel_format(PfncValue(PixelFormat::kMono8));
  EXPECT_EQ(std::get<RawImage>(ImageFromProto(image)->pixels).max_trailing_bytes, 0);
  image.mutable_raw()->set_max_trailing_bytes(4'000'000'000U);
  EXPECT_EQ(std::get<RawImage>(ImageFromProto(image)->pixels).max_trailing_bytes, 4'000'000'000);
}

TEST(TranslateTest, TakesTheOrientationOfFilesAlone) {
  v1::Image image;
  image.set_encoded("x");
  EXPECT_FALSE(ImageFromProto(image)->apply_orientation);
  image.set_apply_orientation(true);
  EXPECT_TRUE(ImageFromProto(image)->apply_orientation);
  image.mutable_raw()->set_width(1);
  image.mutable_raw()->set_height(1);
  image.mutable_raw()->set_pfnc_pixel_format(PfncValue(PixelFormat::kMono8));
  ExpectInvalid(ImageFromProto(image).status(), "image.apply_orientation", "raw pixels say no orientation");
}

// The numbers that the contract's comment lists, which no compiler checks.
TEST(TranslateTest, EveryPixelFormatOfTheContractIsKnown) {
  for (const uint32_t value :
       {0x01080001, 0x01100003, 0x01100005, 0x01100025, 0x01100007, 0x010A0046, 0x010C0047, 0x010C0004, 0x010C0006,
        0x01080008, 0x01080009, 0x0108000A, 0x0108000B, 0x0110000C, 0x0110000D, 0x0110000E, 0x0110000F, 0x01100010,
        0x01100011, 0x01100012, 0x01100013, 0x0110002E, 0x0110002F, 0x01100030, 0x01100031, 0x010C0026, 0x010C0027,
        0x010C0028, 0x010C0029, 0x010C002A, 0x010C002B, 0x010C002C, 0x010C002D, 0x010A0056, 0x010A0058, 0x010A0054,
        0x010A0052, 0x010C0057, 0x010C0059, 0x010C0055, 0x010C0053, 0x02180014, 0x02180015, 0x02200016, 0x02200017,
        0x02300018, 0x0230001A, 0x02300033, 0x02100032, 0x0210001F, 0x0210003B}) {
    v1::Image image;
    image.mutable_raw()->set_width(1);
    image.mutable_raw()->set_height(1);
    image.mutable_raw()->set_pfnc_pixel_format(value);
    EXPECT_TRUE(ImageFromProto(image).ok()) << value;
  }
}

TEST(TranslateTest, RejectsRawPicturesWithoutASide) {
  v1::Image image;
  image.mutable_raw()->set_pfnc_pixel_format(PfncValue(PixelFormat::kRGB8));
  image.mutable_raw()->set_width(4);
  ExpectInvalid(ImageFromProto(image).status(), "image.raw.height", "the picture is 4 x 0 pixels");
}

TEST(TranslateTest, CategoryAndObjectAreNamesOfAtMost256Bytes) {
  v1::InspectRequest request = MakeRequest();
  request.mutable_options()->set_category(std::string(256, 'a'));
  EXPECT_TRUE(FrameFromProto(request).ok());
  request.mutable_options()->set_category(std::string(257, 'a'));
  ExpectInvalid(FrameFromProto(request).status(), "options.category", "has 257 bytes");
  request.mutable_options()->set_category(" \t");
  ExpectInvalid(FrameFromProto(request).status(), "options.category", "is empty");
  request.mutable_options()->clear_category();
  ExpectInvalid(FrameFromProto(request).status(), "options.category", "is not given");
  request.mutable_options()->set_category("  PCB-4711 rev C ");
  EXPECT_EQ(FrameFromProto(request)->options.category.category, "PCB-4711 rev C");
  request.mutable_options()->set_object("");
  ExpectInvalid(FrameFromProto(request).status(), "options.object", "is empty");
}

TEST(TranslateTest, CaptureTimesAreTimestamps) {
  v1::InspectRequest request = MakeRequest();
  request.mutable_metadata()->mutable_capture_time()->set_nanos(1'000'000'000);
  ExpectInvalid(FrameFromProto(request).status(), "metadata.capture_time", "1000000000 ns");
  request.mutable_metadata()->mutable_capture_time()->set_nanos(0);
  request.mutable_metadata()->mutable_capture_time()->set_seconds(253'402'300'800);
  ExpectInvalid(FrameFromProto(request).status(), "metadata.capture_time", "year");
}

TEST(TranslateTest, AFramesOptionsWinFieldByField) {
  v1::StreamConfiguration configuration;
  v1::InspectOptions& usual = *configuration.mutable_options();
  usual.set_category("zipper");
  usual.set_object("brass zipper");
  usual.set_seed(9);
  usual.set_samples(2);
  usual.set_mask(v1::MASK_ENCODING_PNG8);
  usual.set_anomaly_map(v1::MAP_ENCODING_PNG8);
  usual.set_priority(v1::PRIORITY_LOW);
  usual.mutable_regions()->set_max_regions(5);
  usual.mutable_regions()->set_max_contour_points(10);
  const absl::StatusOr<StreamDefaults> defaults = DefaultsFromProto(configuration);
  ASSERT_TRUE(defaults.ok()) << defaults.status();
  v1::StreamFrame frame;
  frame.mutable_image()->set_encoded("x");

  const absl::StatusOr<FrameRequest> plain = FrameFromProto(frame, *defaults);
  v1::InspectOptions& own = *frame.mutable_options();
  own.set_category("screw");
  own.set_random_seed(true);
  own.set_anomaly_map(v1::MAP_ENCODING_UNSPECIFIED);
  own.set_priority(v1::PRIORITY_HIGH);
  own.mutable_regions()->set_max_regions(6);
  const absl::StatusOr<FrameRequest> special = FrameFromProto(frame, *defaults);

  ASSERT_TRUE(plain.ok() && special.ok()) << plain.status() << special.status();
  EXPECT_EQ(plain->options.category.category, "zipper");
  EXPECT_EQ(plain->options.category.seed, 9U);
  EXPECT_EQ(plain->options.anomaly_map, MapEncoding::kPng8);
  EXPECT_EQ(special->options.category.category, "screw");
  EXPECT_EQ(special->options.category.object, "brass zipper") << "not said anew, so as configured";
  EXPECT_NE(special->options.category.seed, 9U);
  EXPECT_EQ(special->options.category.samples, 2);
  EXPECT_EQ(special->options.anomaly_map, MapEncoding::kNone) << "a field that is set to nothing is set";
  EXPECT_EQ(special->options.mask, MaskEncoding::kPng8);
  EXPECT_EQ(special->options.priority, Priority::kHigh);
  EXPECT_EQ(special->options.judge.max_regions, 6U);
  EXPECT_EQ(special->options.judge.max_contour_points, 10U);
}

TEST(TranslateTest, AFramesTimeoutIsItsDeadline) {
  v1::StreamConfiguration configuration;
  configuration.mutable_options()->set_category("zipper");
  v1::StreamFrame frame;
  frame.mutable_image()->set_encoded("x");
  frame.mutable_timeout()->set_seconds(5);

  const absl::StatusOr<FrameRequest> request = FrameFromProto(frame, *DefaultsFromProto(configuration));

  ASSERT_TRUE(request.ok());
  EXPECT_LE(request->deadline, absl::Now() + absl::Seconds(5));
  EXPECT_GT(request->deadline, absl::Now() + absl::Seconds(1));
}

TEST(TranslateTest, FieldsAreNamedFromTheStreamsMessage) {
  v1::StreamConfiguration configuration;
  configuration.mutable_options()->set_samples(65);
  ExpectInvalid(DefaultsFromProto(configuration).status(), "configuration.options.samples", "is 65");
  configuration.mutable_options()->set_samples(1);
  configuration.set_flow_policy(static_cast<v1::FlowPolicy>(9));
  ExpectInvalid(DefaultsFromProto(configuration).status(), "configuration.flow_policy", "is 9");
  v1::StreamFrame frame;
  frame.mutable_options()->set_category("screw");
  ExpectInvalid(FrameFromProto(frame, {}).status(), "frame.image", "is empty");
  frame.mutable_image()->set_encoded("x");
  frame.mutable_metadata()->set_part_id(std::string(129, 'a'));
  ExpectInvalid(FrameFromProto(frame, {}).status(), "frame.metadata.part_id", "has 129 bytes");
}

TEST(TranslateTest, StreamWithoutACategoryNeedsOneInEveryFrame) {
  const absl::StatusOr<StreamDefaults> defaults = DefaultsFromProto({});
  ASSERT_TRUE(defaults.ok());
  v1::StreamFrame frame;
  frame.mutable_image()->set_encoded("x");

  ExpectInvalid(FrameFromProto(frame, *defaults).status(), "frame.options.category", "is not given");
  frame.mutable_options()->set_category("screw");
  EXPECT_TRUE(FrameFromProto(frame, *defaults).ok());
}

TEST(TranslateTest, RejectsTimeoutsThatAreNotPositive) {
  google::protobuf::Duration timeout;
  ExpectInvalid(TimeoutFromProto(timeout).status(), "frame.timeout", "is 0 s and 0 ns");
  timeout.set_seconds(1);
  timeout.set_nanos(-5);
  ExpectInvalid(TimeoutFromProto(timeout).status(), "frame.timeout", "-5 ns");
  timeout.set_nanos(1'000'000'000);
  ExpectInvalid(TimeoutFromProto(timeout).status(), "frame.timeout", "1000000000 ns");
  timeout.set_nanos(500'000'000);
  EXPECT_EQ(*TimeoutFromProto(timeout), absl::Milliseconds(1500));
}

}  // namespace
}  // namespace bayespfl::server
