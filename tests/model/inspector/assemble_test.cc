#include "model/inspector/assemble.h"

#include <limits>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/image/encode.h"
#include "tests/support/exif.h"

namespace bayespfl {
namespace {

Detection SmallDetection() {
  Detection detection;
  detection.score = 0.75F;
  detection.score_std = 0.125F;
  detection.map_score = 0.5F;
  detection.map = {2, 2, {0.25F, 0.25F, 0.25F, 1.0F}};
  detection.seed = 7;
  detection.samples = 3;
  return detection;
}

absl::Status Note(const Detection& detection, Inspection& inspection) {
  inspection.frame_width = 4;
  inspection.frame_height = 4;
  const CategorySetting setting{
      .object = "tanned leather",
      .thresholds = {.lines = {{.rule = DecisionRule::kScore, .review = 0.5F, .fail = 0.7F}}}};
  return NoteDetection(detection, "leather", setting, {}, inspection);
}

TEST(AssembleTest, TheDetectionsNumbersAndTheVerdictAreNoted) {
  Inspection inspection;
  ASSERT_TRUE(Note(SmallDetection(), inspection).ok());
  EXPECT_EQ(inspection.category, "leather");
  EXPECT_EQ(inspection.object, "tanned leather");
  EXPECT_EQ(inspection.score, 0.75F);
  EXPECT_EQ(inspection.score_std, 0.125F);
  EXPECT_EQ(inspection.map_score, 0.5F);
  EXPECT_EQ(inspection.provenance.seed, 7U);
  EXPECT_EQ(inspection.provenance.samples, 3);
  EXPECT_EQ(inspection.decision.verdict, Verdict::kFail);
  EXPECT_EQ(inspection.mask_area_fraction, 0.25);
}

TEST(AssembleTest, AScoreThatIsNotANumberHasNoVerdict) {
  for (float Detection::* score : {&Detection::score, &Detection::score_std, &Detection::map_score}) {
    Detection detection = SmallDetection();
    detection.*score = std::numeric_limits<float>::quiet_NaN();
    Inspection inspection;
    EXPECT_EQ(Note(detection, inspection).code(), absl::StatusCode::kInternal);
  }
}

TEST(AssembleTest, AMapThatHoldsWhatIsNotANumberHasNoVerdict) {
  for (PixelMap Detection::* map : {&Detection::map, &Detection::map_std}) {
    Detection detection = SmallDetection();
    detection.map_std = detection.map;
    (detection.*map).values[2] = std::numeric_limits<float>::quiet_NaN();
    Inspection inspection;
    EXPECT_EQ(Note(detection, inspection).code(), absl::StatusCode::kInternal);
  }
}

TEST(AssembleTest, WhatIsNotANumberIsFoundWhereverItLies) {
  constexpr size_t kPixels = size_t{50} * 50;
  for (const float wrong : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::signaling_NaN(),
                            std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()}) {
    for (const size_t pixel : {size_t{0}, size_t{1023}, size_t{1024}, size_t{2047}, size_t{2048}, kPixels - 1}) {
      Detection detection = SmallDetection();
      detection.map = {50, 50, std::vector<float>(kPixels, 0.25F)};
      detection.map.values[pixel] = wrong;
      Inspection inspection;
      EXPECT_EQ(Note(detection, inspection).code(), absl::StatusCode::kInternal) << wrong << " at " << pixel;
    }
  }
}

TEST(AssembleTest, EveryNumberOfAMapIsTaken) {
  for (const float number : {0.0F, -0.0F, std::numeric_limits<float>::denorm_min(), std::numeric_limits<float>::max(),
                             std::numeric_limits<float>::lowest()}) {
    Detection detection = SmallDetection();
    detection.map.values[2] = number;
    Inspection inspection;
    EXPECT_TRUE(Note(detection, inspection).ok()) << number;
  }
}

TEST(AssembleTest, ADetectionWithoutAWholeMapHasNoVerdict) {
  for (const PixelMap& map : {PixelMap(), PixelMap{2, 2, {0.5F}}}) {
    Detection detection = SmallDetection();
    detection.map = map;
    Inspection inspection;
    EXPECT_EQ(Note(detection, inspection).code(), absl::StatusCode::kInternal);
  }
}

TEST(AssembleTest, APictureIsKnownByItsBytes) {
  const std::vector<uint8_t> bytes = {'a', 'b', 'c'};
  const RawGeometry raw{.width = 3, .height = 1, .pfnc_pixel_format = 0x01080001};
  const PictureIdentity identity = IdentityOf(bytes, raw, 12);
  // The first example of FIPS 180-2.
  EXPECT_EQ(identity.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(identity.raw, raw);
  EXPECT_EQ(identity.significant_bits, 12);
}

TEST(AssembleTest, APictureThatFillsTwelveOfSixteenBitsIsWarnedOf) {
  RgbImage image{4, 3, std::vector<uint8_t>(36)};
  image.sample_bits = 13;
  Inspection full;
  NotePicture(image, full);
  image.sample_bits = 12;
  Inspection shallow;
  NotePicture(image, shallow);

  EXPECT_TRUE(full.warnings.empty());
  EXPECT_EQ(shallow.frame_width, 4);
  EXPECT_EQ(shallow.frame_height, 3);
  ASSERT_EQ(shallow.warnings.size(), 1U);
  EXPECT_EQ(shallow.warnings[0].reason, "SHALLOW_SAMPLES");
  EXPECT_THAT(shallow.warnings[0].message, ::testing::HasSubstr("--significant-bits"));
}

TEST(AssembleTest, APictureThatStandsOtherwiseThanTheCalibrationsIsWarnedOf) {
  const std::string file =
      testing::WithExif(*EncodePng(PngSamples::kGray8, 2, 1, std::vector<uint8_t>{1, 2}), Orientation::kHalfTurn);
  const auto encoded = absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(file.data()), file.size());
  CategorySetting setting;
  setting.apply_orientation = true;
  Inspection stored;
  NoteOrientation(encoded, setting, stored);
  Inspection turned;
  turned.provenance.picture.apply_orientation = true;
  NoteOrientation(encoded, setting, turned);

  ASSERT_EQ(stored.warnings.size(), 1U);
  EXPECT_EQ(stored.warnings[0].reason, "OTHER_ORIENTATION");
  EXPECT_THAT(stored.warnings[0].message, ::testing::HasSubstr("inspect with apply_orientation"));
  EXPECT_TRUE(turned.warnings.empty());
}

TEST(AssembleTest, TheFrameThatIsJudgedHasASmoothedMapAtTheModelsSize) {
  const RgbImage image{1, 1, {0, 0, 0}};
  const Frame frame = JudgedFrame(image, {.object = "wood", .seed = 9, .samples = 2, .thresholds = {}});
  EXPECT_EQ(frame.image, &image);
  EXPECT_EQ(frame.object, "wood");
  EXPECT_EQ(frame.seed, 9U);
  EXPECT_EQ(frame.samples, 2);
  EXPECT_EQ(frame.map_size, MapSize::kModel);
  EXPECT_TRUE(frame.smooth);
}

}  // namespace
}  // namespace bayespfl
