#include "server/pipeline/render.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <optional>
#include <string>
#include <vector>

#include "model/image/decode.h"
#include "model/image/encode.h"

namespace bayespfl::server {
namespace {

constexpr float kNotANumber = std::numeric_limits<float>::quiet_NaN();

bayespfl::PixelMap MakeMap() { return {.width = 3, .height = 2, .values = {0.0F, 0.25F, 0.5F, 0.75F, 1.0F, 1.5F}}; }

Detection MakeDetection() {
  Detection detection;
  detection.score = 0.5F;
  detection.score_std = 0.125F;
  detection.map_score = 0.75F;
  detection.map = MakeMap();
  detection.seed = 42;
  detection.samples = 3;
  return detection;
}

// A category with the mask at 0.5 and a line on the largest region, which covers two thirds of MakeMap().
CategorySetting MakeSetting() {
  return {.object = "tanned leather",
          .thresholds = {.source = ThresholdSource::kCategory,
                         .revision = "0123456789ab",
                         .mask = 0.5F,
                         .lines = {{.rule = DecisionRule::kRegionArea, .review = 0.1F, .fail = 0.6F}}}};
}

// Of a frame of this size; without one, of the map's.
InspectionOutcome MakeOutcome(int width = 3, int height = 2) {
  InspectionOutcome outcome;
  outcome.inspection.frame_width = width;
  outcome.inspection.frame_height = height;
  return outcome;
}

std::vector<uint8_t> BytesOf(const std::string& data) { return {data.begin(), data.end()}; }

cv::Mat DecodePng(const std::string& data) { return cv::imdecode(BytesOf(data), cv::IMREAD_UNCHANGED); }

template <typename Sample>
std::vector<Sample> SamplesOf(const cv::Mat& picture) {
  return {picture.begin<Sample>(), picture.end<Sample>()};
}

// ---- Maps ----------------------------------------------------------------------------------------------------------

TEST(RenderTest, Png8HoldsRoundedAndSaturatedValues) {
  const absl::StatusOr<EncodedMap> encoded = EncodeMap(MakeMap(), MapEncoding::kPng8);

  ASSERT_TRUE(encoded.ok()) << encoded.status();
  const cv::Mat picture = DecodePng(encoded->data);
  ASSERT_EQ(picture.type(), CV_8UC1);
  ASSERT_EQ(picture.size(), cv::Size(3, 2));
  EXPECT_EQ(SamplesOf<uint8_t>(picture), (std::vector<uint8_t>{0, 64, 128, 191, 255, 255}));
}

// As far below a half as a float can be: added to a half as a float it would be 1.
TEST(RenderTest, WhatIsJustBelowAHalfIsRoundedDown) {
  float value = 0.5F / 255.0F;
  while (value * 255.0F >= 0.5F) value = std::nextafter(value, 0.0F);
  const absl::StatusOr<EncodedMap> encoded =
      EncodeMap({.width = 1, .height = 1, .values = {value}}, MapEncoding::kPng8);

  ASSERT_TRUE(encoded.ok()) << encoded.status();
  EXPECT_EQ(SamplesOf<uint8_t>(DecodePng(encoded->data)), std::vector<uint8_t>{0});
}

TEST(RenderTest, Png16HoldsRoundedAndSaturatedValues) {
  const absl::StatusOr<EncodedMap> encoded = EncodeMap(MakeMap(), MapEncoding::kPng16);

  ASSERT_TRUE(encoded.ok()) << encoded.status();
  const cv::Mat picture = DecodePng(encoded->data);
  ASSERT_EQ(picture.type(), CV_16UC1);
  EXPECT_EQ(SamplesOf<uint16_t>(picture), (std::vector<uint16_t>{0, 16384, 32768, 49151, 65535, 65535}));
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

TEST(RenderTest, AMapKnowsItsEncodingAndSize) {
  for (const MapEncoding encoding : {MapEncoding::kPng8, MapEncoding::kPng16, MapEncoding::kFloat32}) {
    const absl::StatusOr<EncodedMap> encoded = EncodeMap(MakeMap(), encoding);
    ASSERT_TRUE(encoded.ok()) << encoded.status();
    EXPECT_EQ(encoded->encoding, encoding);
    EXPECT_EQ(encoded->width, 3);
    EXPECT_EQ(encoded->height, 2);
  }
}

// ---- Masks ---------------------------------------------------------------------------------------------------------

const std::vector<uint8_t> kMaskPixels = {0, 0, 255, 255, 255, 255};  // MakeMap() at 0.5

EncodedMask MaskAs(MaskEncoding encoding) {
  const absl::StatusOr<EncodedMask> mask = EncodeMask(MakeMap(), 0.5F, encoding);
  EXPECT_TRUE(mask.ok()) << mask.status();
  return mask.ok() ? *mask : EncodedMask();
}

TEST(RenderTest, EveryMaskHasItsEncodingSizeAndAreaAndStartsAtTheThreshold) {
  for (const MaskEncoding encoding :
       {MaskEncoding::kPng8, MaskEncoding::kPng1, MaskEncoding::kCocoRle, MaskEncoding::kUint8}) {
    const EncodedMask mask = MaskAs(encoding);
    EXPECT_EQ(mask.encoding, encoding);
    EXPECT_EQ(mask.width, 3);
    EXPECT_EQ(mask.height, 2);
    EXPECT_EQ(mask.area, 4U);
  }
}

TEST(RenderTest, AMaskMayBeAGrayPngOfBlackAndWhite) {
  const cv::Mat picture = DecodePng(MaskAs(MaskEncoding::kPng8).data);

  ASSERT_EQ(picture.type(), CV_8UC1);
  EXPECT_EQ(SamplesOf<uint8_t>(picture), kMaskPixels);
}

TEST(RenderTest, AMaskMayBeAPngOfOneBitAPixel) {
  const std::string data = MaskAs(MaskEncoding::kPng1).data;

  constexpr size_t kBitDepth = 24;  // signature, IHDR's length and name, width, height
  EXPECT_EQ(data.at(kBitDepth), 1);
  EXPECT_EQ(SamplesOf<uint8_t>(DecodePng(data)), kMaskPixels);
}

TEST(RenderTest, AMaskMayBeRunLengths) {
  // By columns: 0 1, 0 1, 1 1. Runs: one outside, one inside, one outside, three inside; the last is told as the
  // difference to the run two before it, which is 2.
  EXPECT_EQ(MaskAs(MaskEncoding::kCocoRle).data, "1112");
}

TEST(RenderTest, AMaskMayBeRowsOfBytes) { EXPECT_EQ(BytesOf(MaskAs(MaskEncoding::kUint8).data), kMaskPixels); }

// ---- Pictures ------------------------------------------------------------------------------------------------------

TEST(RenderTest, APictureIsSentAsItsEncodingSays) {
  const RgbImage image{.width = 2, .height = 1, .pixels = {255, 0, 0, 1, 2, 3}};

  const absl::StatusOr<EncodedPicture> png = EncodePicture(image, PictureEncoding::kPng);
  const absl::StatusOr<EncodedPicture> jpeg = EncodePicture(image, PictureEncoding::kJpeg);

  ASSERT_TRUE(png.ok()) << png.status();
  ASSERT_TRUE(jpeg.ok()) << jpeg.status();
  EXPECT_EQ(png->encoding, PictureEncoding::kPng);
  EXPECT_EQ(DecodeImage(BytesOf(png->data))->pixels, image.pixels);
  EXPECT_EQ(jpeg->encoding, PictureEncoding::kJpeg);
  EXPECT_EQ(jpeg->data, *EncodeJpeg(image, 90));
}

TEST(RenderTest, APictureThatIsTooLargeForItsEncodingIsTheClientsToChange) {
  const RgbImage image{.width = 65'501, .height = 1, .pixels = std::vector<uint8_t>(3 * 65'501)};

  EXPECT_EQ(EncodePicture(image, PictureEncoding::kJpeg).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(EncodePicture(image, PictureEncoding::kPng).ok());
}

// ---- Results -------------------------------------------------------------------------------------------------------

TEST(RenderTest, AResultHasTheModelsNumbersTheVerdictAndWhatItRestsOn) {
  FrameOptions options;
  options.category.category = "leather";
  InspectionOutcome outcome = MakeOutcome();

  ASSERT_TRUE(Render(MakeDetection(), MakeSetting(), options, outcome).ok());

  const Inspection& inspection = outcome.inspection;
  EXPECT_EQ(inspection.category, "leather");
  EXPECT_EQ(inspection.object, "tanned leather");
  EXPECT_EQ(inspection.score, 0.5F);
  EXPECT_EQ(inspection.score_std, 0.125F);
  EXPECT_EQ(inspection.map_score, 0.75F);
  EXPECT_EQ(inspection.provenance.seed, 42U);
  EXPECT_EQ(inspection.provenance.samples, 3);
  EXPECT_EQ(inspection.thresholds, MakeSetting().thresholds);
  EXPECT_FLOAT_EQ(inspection.mask_threshold, 0.5F);
  EXPECT_DOUBLE_EQ(inspection.mask_area_fraction, 4.0 / 6);
  EXPECT_DOUBLE_EQ(inspection.largest_region_fraction, 4.0 / 6);
  EXPECT_EQ(inspection.decision.verdict, Verdict::kFail);
  EXPECT_EQ(inspection.decision.rule, DecisionRule::kRegionArea);
}

TEST(RenderTest, AnotherMaskThresholdChangesTheMaskAndNotTheVerdict) {
  FrameOptions options;
  options.judge.mask_threshold = 1.0F;
  options.mask = MaskEncoding::kUint8;
  InspectionOutcome outcome = MakeOutcome();

  ASSERT_TRUE(Render(MakeDetection(), MakeSetting(), options, outcome).ok());

  const Inspection& inspection = outcome.inspection;
  EXPECT_EQ(inspection.mask_threshold, 1.0F);
  EXPECT_DOUBLE_EQ(inspection.mask_area_fraction, 2.0 / 6);
  ASSERT_TRUE(outcome.mask.has_value());
  EXPECT_EQ(outcome.mask->area, 2U);
  EXPECT_EQ(BytesOf(outcome.mask->data), (std::vector<uint8_t>{0, 0, 0, 0, 255, 255}));
  EXPECT_DOUBLE_EQ(inspection.largest_region_fraction, 4.0 / 6);
  EXPECT_EQ(inspection.decision.verdict, Verdict::kFail);
}

// Areas are measured at the model's size.
TEST(RenderTest, TheVerdictIsTheSameWhateverTheFramesSize) {
  std::vector<Inspection> inspections;
  for (const int scale : {1, 7, 100}) {
    InspectionOutcome outcome = MakeOutcome(3 * scale, 2 * scale);
    ASSERT_TRUE(Render(MakeDetection(), MakeSetting(), FrameOptions(), outcome).ok());
    inspections.push_back(outcome.inspection);
  }

  for (const Inspection& inspection : inspections) {
    EXPECT_EQ(inspection.mask_area_fraction, inspections[0].mask_area_fraction);
    EXPECT_EQ(inspection.largest_region_fraction, inspections[0].largest_region_fraction);
    EXPECT_EQ(inspection.decision.verdict, inspections[0].decision.verdict);
  }
}

TEST(RenderTest, SendsNothingUnasked) {
  InspectionOutcome outcome = MakeOutcome();

  ASSERT_TRUE(Render(MakeDetection(), MakeSetting(), FrameOptions(), outcome).ok());

  EXPECT_FALSE(outcome.mask.has_value());
  EXPECT_FALSE(outcome.anomaly_map.has_value());
  EXPECT_FALSE(outcome.deviation_map.has_value());
  EXPECT_TRUE(outcome.inspection.regions.empty());
  EXPECT_EQ(outcome.inspection.regions_total, std::nullopt);
}

// A map of this frame's size would take 4 TB.
TEST(RenderTest, WhoWantsNoMapPaysForNoneOfTheFramesSize) {
  FrameOptions options;
  options.judge.want_regions = true;
  InspectionOutcome outcome = MakeOutcome(1'000'000, 1'000'000);

  ASSERT_TRUE(Render(MakeDetection(), MakeSetting(), options, outcome).ok());

  EXPECT_EQ(outcome.inspection.regions.size(), 1U);
}

TEST(RenderTest, MapsMaskAndDeviationHaveTheFramesSizeUnlessTheModelsIsAskedFor) {
  Detection detection = MakeDetection();
  detection.map_std = MakeMap();
  for (const MapSize size : {MapSize::kFrame, MapSize::kModel}) {
    FrameOptions options;
    options.anomaly_map = MapEncoding::kFloat32;
    options.deviation_map = MapEncoding::kFloat32;
    options.mask = MaskEncoding::kUint8;
    options.resolution = size;
    InspectionOutcome outcome = MakeOutcome(50, 31);

    ASSERT_TRUE(Render(detection, MakeSetting(), options, outcome).ok());

    const bayespfl::PixelMap expected = size == MapSize::kFrame ? ResizeMap(MakeMap(), 50, 31) : MakeMap();
    std::vector<float> sent(expected.values.size());
    ASSERT_EQ(outcome.anomaly_map->data.size(), sent.size() * sizeof(float));
    std::memcpy(sent.data(), outcome.anomaly_map->data.data(), sent.size() * sizeof(float));
    EXPECT_EQ(sent, expected.values);
    EXPECT_EQ(outcome.deviation_map->data, outcome.anomaly_map->data);
    EXPECT_EQ(outcome.deviation_map->width, expected.width);
    EXPECT_EQ(outcome.mask->width, expected.width);
    EXPECT_EQ(outcome.mask->height, expected.height);
    EXPECT_EQ(outcome.mask->data, EncodeMask(expected, 0.5F, MaskEncoding::kUint8)->data);
  }
}

TEST(RenderTest, TheDeviationMapIsTheDeviationAndNotTheMap) {
  Detection detection = MakeDetection();
  detection.map_std = {.width = 3, .height = 2, .values = std::vector<float>(6, 0.25F)};
  FrameOptions options;
  options.deviation_map = MapEncoding::kPng8;
  InspectionOutcome outcome = MakeOutcome();

  ASSERT_TRUE(Render(detection, MakeSetting(), options, outcome).ok());

  ASSERT_TRUE(outcome.deviation_map.has_value());
  EXPECT_EQ(SamplesOf<uint8_t>(DecodePng(outcome.deviation_map->data)), std::vector<uint8_t>(6, 64));
  EXPECT_FALSE(outcome.anomaly_map.has_value());
}

// ---- Models that fail ----------------------------------------------------------------------------------------------

TEST(RenderTest, ReportsAScoreThatIsNotANumber) {
  for (float Detection::* const score : {&Detection::score, &Detection::score_std, &Detection::map_score}) {
    Detection detection = MakeDetection();
    detection.*score = kNotANumber;
    InspectionOutcome outcome = MakeOutcome();
    EXPECT_EQ(Render(detection, MakeSetting(), FrameOptions(), outcome).code(), absl::StatusCode::kInternal);
  }
}

TEST(RenderTest, ReportsAMapThatHoldsWhatIsNotANumber) {
  Detection detection = MakeDetection();
  detection.map.values[3] = kNotANumber;
  InspectionOutcome outcome = MakeOutcome();

  EXPECT_EQ(Render(detection, MakeSetting(), FrameOptions(), outcome).code(), absl::StatusCode::kInternal);
}

TEST(RenderTest, ReportsAMissingMap) {
  FrameOptions options;
  options.deviation_map = MapEncoding::kPng8;
  InspectionOutcome outcome = MakeOutcome();

  EXPECT_EQ(Render(MakeDetection(), MakeSetting(), options, outcome).code(), absl::StatusCode::kInternal);
  EXPECT_EQ(Render(Detection(), MakeSetting(), FrameOptions(), outcome).code(), absl::StatusCode::kInternal);
}

}  // namespace
}  // namespace bayespfl::server
