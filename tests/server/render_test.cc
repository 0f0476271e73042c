#include "server/pipeline/render.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <limits>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <string>
#include <vector>

namespace bayespfl::server {
namespace {

bayespfl::PixelMap MakeMap() { return {.width = 3, .height = 2, .values = {0.0F, 0.25F, 0.5F, 0.75F, 1.0F, 1.5F}}; }

Detection MakeDetection() {
  Detection detection;
  detection.score = 0.5F;
  detection.map = MakeMap();
  return detection;
}

// Of a frame that has the map's size.
InspectionOutcome MakeOutcome() {
  InspectionOutcome outcome;
  outcome.frame_width = 3;
  outcome.frame_height = 2;
  return outcome;
}

cv::Mat DecodePng(const std::string& data) {
  return cv::imdecode(std::vector<uint8_t>(data.begin(), data.end()), cv::IMREAD_UNCHANGED);
}

TEST(RenderTest, MaskIsWhereTheMapReachesTheThreshold) {
  const Mask mask = ThresholdMap(MakeMap(), 0.5F);

  EXPECT_EQ(mask.pixels, (std::vector<uint8_t>{0, 0, 255, 255, 255, 255}));
  EXPECT_EQ(mask.area, 4U);
}

TEST(RenderTest, Png8HoldsRoundedAndSaturatedValues) {
  const absl::StatusOr<EncodedMap> encoded = EncodeMap(MakeMap(), MapEncoding::kPng8);

  ASSERT_TRUE(encoded.ok()) << encoded.status();
  const cv::Mat picture = DecodePng(encoded->data);
  ASSERT_EQ(picture.type(), CV_8UC1);
  ASSERT_EQ(picture.size(), cv::Size(3, 2));
  EXPECT_EQ(std::vector<uint8_t>(picture.begin<uint8_t>(), picture.end<uint8_t>()),
            (std::vector<uint8_t>{0, 64, 128, 191, 255, 255}));
}

TEST(RenderTest, Png16HoldsRoundedAndSaturatedValues) {
  const absl::StatusOr<EncodedMap> encoded = EncodeMap(MakeMap(), MapEncoding::kPng16);

  ASSERT_TRUE(encoded.ok()) << encoded.status();
  const cv::Mat picture = DecodePng(encoded->data);
  ASSERT_EQ(picture.type(), CV_16UC1);
  EXPECT_EQ(std::vector<uint16_t>(picture.begin<uint16_t>(), picture.end<uint16_t>()),
            (std::vector<uint16_t>{0, 16384, 32768, 49151, 65535, 65535}));
}

TEST(RenderTest, Float32IsLittleEndianAndUnchanged) {
  const absl::StatusOr<EncodedMap> encoded = EncodeMap(MakeMap(), MapEncoding::kFloat32);

  ASSERT_TRUE(encoded.ok()) << encoded.status();
  ASSERT_EQ(encoded->data.size(), 6 * sizeof(float));
  EXPECT_EQ(encoded->data.substr(16, 4), std::string("\x00\x00\x80\x3F", 4));  // 1.0
  float last = 0;
  std::memcpy(&last, encoded->data.data() + 20, sizeof(last));
  EXPECT_EQ(last, 1.5F);
}

TEST(RenderTest, MaskIsAPngOfBlackAndWhite) {
  FrameOptions options;
  options.mask = MapEncoding::kPng8;
  options.mask_threshold = 0.75F;
  InspectionOutcome outcome = MakeOutcome();

  ASSERT_TRUE(Render(MakeDetection(), options, 0.5F, outcome).ok());

  ASSERT_TRUE(outcome.mask.has_value());
  const cv::Mat picture = DecodePng(outcome.mask->data);
  EXPECT_EQ(std::vector<uint8_t>(picture.begin<uint8_t>(), picture.end<uint8_t>()),
            (std::vector<uint8_t>{0, 0, 0, 255, 255, 255}));
  EXPECT_EQ(outcome.mask_area_pixels, 3U);
  EXPECT_DOUBLE_EQ(outcome.mask_area_fraction, 0.5);
  EXPECT_FLOAT_EQ(outcome.mask_threshold, 0.75F);
}

TEST(RenderTest, Uint8HoldsTheSameValuesAsPng8) {
  const absl::StatusOr<EncodedMap> encoded = EncodeMap(MakeMap(), MapEncoding::kUint8);

  ASSERT_TRUE(encoded.ok()) << encoded.status();
  EXPECT_EQ(std::vector<uint8_t>(encoded->data.begin(), encoded->data.end()),
            (std::vector<uint8_t>{0, 64, 128, 191, 255, 255}));
}

TEST(RenderTest, MaskAsBytesIsRowMajor) {
  FrameOptions options;
  options.mask = MapEncoding::kUint8;
  InspectionOutcome outcome = MakeOutcome();

  ASSERT_TRUE(Render(MakeDetection(), options, 0.75F, outcome).ok());

  ASSERT_TRUE(outcome.mask.has_value());
  EXPECT_EQ(outcome.mask->encoding, MapEncoding::kUint8);
  EXPECT_EQ(outcome.mask->width, 3);
  EXPECT_EQ(std::vector<uint8_t>(outcome.mask->data.begin(), outcome.mask->data.end()),
            (std::vector<uint8_t>{0, 0, 0, 255, 255, 255}));
}

TEST(RenderTest, RefusesMasksInFormsThatMasksDoNotHave) {
  FrameOptions options;
  options.mask = MapEncoding::kFloat32;
  InspectionOutcome outcome = MakeOutcome();

  EXPECT_EQ(Render(MakeDetection(), options, 0.75F, outcome).code(), absl::StatusCode::kInvalidArgument);
}

TEST(RenderTest, ComputesTheAreaWithTheModelsThresholdAndSendsNothingUnasked) {
  InspectionOutcome outcome = MakeOutcome();

  ASSERT_TRUE(Render(MakeDetection(), FrameOptions(), 0.5F, outcome).ok());

  EXPECT_FLOAT_EQ(outcome.mask_threshold, 0.5F);
  EXPECT_EQ(outcome.mask_area_pixels, 4U);
  EXPECT_FALSE(outcome.mask.has_value());
  EXPECT_FALSE(outcome.anomaly_map.has_value());
  EXPECT_FALSE(outcome.deviation_map.has_value());
}

// Of a frame without maps, the map stays at the model's size.
TEST(RenderTest, CountsTheAreaThatTheMaskOfTheFramesSizeWouldHave) {
  InspectionOutcome outcome;
  outcome.frame_width = 50;
  outcome.frame_height = 31;
  Detection resized = MakeDetection();
  resized.map = ResizeMap(resized.map, 50, 31);

  ASSERT_TRUE(Render(MakeDetection(), FrameOptions(), 0.5F, outcome).ok());

  const Mask mask = ThresholdMap(resized.map, 0.5F);
  EXPECT_GT(mask.area, 0U);
  EXPECT_LT(mask.area, 50U * 31U);
  EXPECT_EQ(outcome.mask_area_pixels, mask.area);
  EXPECT_DOUBLE_EQ(outcome.mask_area_fraction, static_cast<double>(mask.area) / (50 * 31));
}

TEST(RenderTest, CountsTheAreaAtModelSizeWhenThatIsAskedFor) {
  InspectionOutcome outcome;
  outcome.frame_width = 50;
  outcome.frame_height = 31;
  FrameOptions options;
  options.resolution = MapSize::kModel;

  ASSERT_TRUE(Render(MakeDetection(), options, 0.5F, outcome).ok());

  EXPECT_EQ(outcome.mask_area_pixels, 4U);
  EXPECT_DOUBLE_EQ(outcome.mask_area_fraction, 4.0 / 6);
}

TEST(RenderTest, SendsTheDeviationMapWhenAskedFor) {
  Detection detection = MakeDetection();
  detection.map_std = MakeMap();
  FrameOptions options;
  options.deviation_map = MapEncoding::kFloat32;
  InspectionOutcome outcome = MakeOutcome();

  ASSERT_TRUE(Render(detection, options, 0.5F, outcome).ok());

  ASSERT_TRUE(outcome.deviation_map.has_value());
  EXPECT_EQ(outcome.deviation_map->data.size(), 24U);
}

TEST(RenderTest, ReportsAScoreThatIsNotANumber) {
  Detection detection = MakeDetection();
  detection.score = std::numeric_limits<float>::quiet_NaN();
  InspectionOutcome outcome = MakeOutcome();

  EXPECT_EQ(Render(detection, FrameOptions(), 0.5F, outcome).code(), absl::StatusCode::kInternal);
}

TEST(RenderTest, ReportsAMissingMap) {
  FrameOptions options;
  options.deviation_map = MapEncoding::kPng8;
  InspectionOutcome outcome = MakeOutcome();

  EXPECT_EQ(Render(MakeDetection(), options, 0.5F, outcome).code(), absl::StatusCode::kInternal);
  EXPECT_EQ(Render(Detection(), FrameOptions(), 0.5F, outcome).code(), absl::StatusCode::kInternal);
}

}  // namespace
}  // namespace bayespfl::server
