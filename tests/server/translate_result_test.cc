#include "server/api/translate_result.h"

#include <gtest/gtest.h>

#include <memory>

#include "tests/server/fake_detector.h"

namespace bayespfl::server {
namespace {

namespace v1 = inspection::v1;

// Every field with a value of its own.
Inspection FullInspection() {
  Inspection inspection;
  inspection.category = "PCB-4711 rev C";
  inspection.object = "printed circuit board";
  inspection.decision = {.verdict = Verdict::kReview, .rule = DecisionRule::kMapScore};
  inspection.thresholds = {.source = ThresholdSource::kCategory,
                           .revision = "0123456789ab",
                           .mask = 0.25F,
                           .min_region_fraction = 0.001,
                           .lines = {{.rule = DecisionRule::kScore, .review = 0.3F, .fail = 0.5F},
                                     {.rule = DecisionRule::kMapScore, .review = 0.6F, .fail = 0.7F}}};
  inspection.mask_threshold = 0.875F;
  inspection.score = 0.1F;
  inspection.score_std = 0.02F;
  inspection.map_score = 0.65F;
  inspection.mixed_score = 1.5F;
  inspection.mask_area_fraction = 0.125;
  inspection.largest_region_fraction = 0.0625;
  inspection.frame_width = 40;
  inspection.frame_height = 30;
  inspection.regions = {{.box = {.x = 1, .y = 2, .width = 3, .height = 4},
                         .area_fraction = 0.5,
                         .area_pixels = 600,
                         .peak = 0.9F,
                         .mean = 0.8F,
                         .centroid = {.x = 5, .y = 6},
                         .contour = {{.x = 7, .y = 8}, {.x = 9, .y = 10}}}};
  inspection.regions_total = 17;
  inspection.provenance = {.result_id = "id",
                           .model = "model",
                           .model_digest = "digest",
                           .computation_digest = "computation",
                           .model_version = "version",
                           .precision = "fp32",
                           .kernels = "kernels",
                           .device = "cpu",
                           .server_version = "1.2.3",
                           .seed = 42,
                           .samples = 5,
                           .picture = {.sha256 = "sha"},
                           .ran_alone = true};
  inspection.timings = {{"queue", 0.5}, {"total", 1.5}};
  inspection.warnings = {{.reason = kShallowSamples, .message = "dark"}};
  return inspection;
}

InspectionOutcome FullOutcome() {
  InspectionOutcome outcome;
  outcome.inspection = FullInspection();
  return outcome;
}

TEST(TranslateResultTest, EveryFieldOfAResultReachesTheMessage) {
  const v1::InspectResponse response = ToProto(FullOutcome());

  EXPECT_EQ(response.category(), "PCB-4711 rev C");
  EXPECT_EQ(response.object(), "printed circuit board");
  EXPECT_EQ(response.verdict(), v1::VERDICT_REVIEW);
  EXPECT_EQ(response.decided_by(), v1::DECISION_RULE_MAP_SCORE);
  EXPECT_EQ(response.thresholds().source(), v1::THRESHOLD_SOURCE_CATEGORY);
  EXPECT_EQ(response.thresholds().revision(), "0123456789ab");
  EXPECT_EQ(response.thresholds().mask(), 0.875F) << "that of this reply's mask";
  EXPECT_EQ(response.thresholds().min_region_fraction(), 0.001);
  ASSERT_EQ(response.thresholds().lines_size(), 2);
  EXPECT_EQ(response.thresholds().lines(1).rule(), v1::DECISION_RULE_MAP_SCORE);
  EXPECT_EQ(response.thresholds().lines(1).review(), 0.6F);
  EXPECT_EQ(response.thresholds().lines(1).fail(), 0.7F);
  EXPECT_EQ(response.score(), 0.1F);
  EXPECT_EQ(response.score_std(), 0.02F);
  EXPECT_EQ(response.map_score(), 0.65F);
  EXPECT_EQ(response.mixed_score(), 1.5F);
  EXPECT_EQ(response.mask_area_fraction(), 0.125);
  EXPECT_EQ(response.largest_region_fraction(), 0.0625);
  EXPECT_EQ(response.frame_width(), 40U);
  EXPECT_EQ(response.frame_height(), 30U);
  EXPECT_EQ(response.regions_total(), 17U);
  ASSERT_EQ(response.timings_size(), 2);
  EXPECT_EQ(response.timings(1).stage(), "total");
  EXPECT_EQ(response.timings(1).seconds(), 1.5);
}

TEST(TranslateResultTest, AWarningKeepsItsReasonAndItsMessage) {
  const v1::InspectResponse response = ToProto(FullOutcome());

  ASSERT_EQ(response.warnings_size(), 1);
  EXPECT_EQ(response.warnings(0).reason(), v1::WARNING_REASON_SHALLOW_SAMPLES);
  EXPECT_EQ(response.warnings(0).message(), "dark");
}

TEST(TranslateResultTest, ARegionKeepsItsNumbers) {
  const v1::InspectResponse response = ToProto(FullOutcome());

  ASSERT_EQ(response.regions_size(), 1);
  EXPECT_EQ(response.regions(0).ShortDebugString(),
            "box { x: 1 y: 2 width: 3 height: 4 } area_pixels: 600 area_fraction: 0.5 peak: 0.9 mean: 0.8 "
            "centroid { x: 5 y: 6 } contour { x: 7 y: 8 } contour { x: 9 y: 10 }");
}

TEST(TranslateResultTest, ProvenanceIsComplete) {
  const v1::InspectResponse response = ToProto(FullOutcome());

  EXPECT_EQ(
      response.provenance().ShortDebugString(),
      "result_id: \"id\" model: \"model\" model_digest: \"digest\" model_version: \"version\" precision: \"fp32\" "
      "kernels: \"kernels\" device: \"cpu\" server_version: \"1.2.3\" thresholds_revision: \"0123456789ab\" "
      "seed: 42 samples: 5 picture_sha256: \"sha\" ran_alone: true computation_digest: \"computation\"");
}

TEST(TranslateResultTest, WhatIsAbsentStaysAbsent) {
  const v1::InspectResponse response = ToProto(InspectionOutcome());

  EXPECT_EQ(response.verdict(), v1::VERDICT_UNSPECIFIED);
  EXPECT_EQ(response.decided_by(), v1::DECISION_RULE_UNSPECIFIED);
  EXPECT_EQ(response.thresholds().source(), v1::THRESHOLD_SOURCE_DEFAULT);
  EXPECT_FALSE(response.has_mixed_score());
  EXPECT_FALSE(response.has_regions_total());
  EXPECT_FALSE(response.has_anomaly_map() || response.has_deviation_map() || response.has_mask() ||
               response.has_inspected_picture());
}

TEST(TranslateResultTest, MapsMasksAndPicturesKeepTheirEncodings) {
  InspectionOutcome outcome;
  outcome.anomaly_map = EncodedMap{.encoding = MapEncoding::kPng16, .width = 2, .height = 1, .data = "map"};
  outcome.deviation_map = EncodedMap{.encoding = MapEncoding::kFloat32, .width = 3, .height = 1, .data = "deviation"};
  outcome.mask = EncodedMask{.encoding = MaskEncoding::kCocoRle, .width = 4, .height = 1, .data = "mask", .area = 3};
  outcome.picture = EncodedPicture{.encoding = PictureEncoding::kJpeg, .data = "picture"};

  const v1::InspectResponse response = ToProto(std::move(outcome));

  EXPECT_EQ(response.anomaly_map().ShortDebugString(), "encoding: MAP_ENCODING_PNG16 width: 2 height: 1 data: \"map\"");
  EXPECT_EQ(response.deviation_map().encoding(), v1::MAP_ENCODING_FLOAT32);
  EXPECT_EQ(response.mask().ShortDebugString(),
            "encoding: MASK_ENCODING_COCO_RLE width: 4 height: 1 data: \"mask\" area_pixels: 3");
  EXPECT_EQ(response.inspected_picture().ShortDebugString(), "encoding: PICTURE_ENCODING_JPEG data: \"picture\"");
}

TEST(TranslateResultTest, AModelTellsItsCategoriesOnlyWhenAsked) {
  const ServedModel model("line-3", ReplicasOf({std::make_shared<FakeDetector>()}));

  const v1::Model listed = ToProto(model, /*is_default=*/true, Categories::kLeaveOut);
  const v1::Model whole = ToProto(model, /*is_default=*/false, Categories::kTell);

  EXPECT_EQ(listed.name(), "line-3");
  EXPECT_EQ(listed.package_name(), "fake");
  EXPECT_TRUE(listed.is_default());
  EXPECT_EQ(listed.kind(), "fake");
  EXPECT_EQ(listed.precision(), "fp32");
  EXPECT_EQ(listed.kernels(), "fake kernels");
  EXPECT_EQ(listed.default_samples(), 3U);
  EXPECT_EQ(listed.max_samples(), 64U);
  EXPECT_EQ(listed.default_thresholds().source(), v1::THRESHOLD_SOURCE_PACKAGE);
  EXPECT_EQ(listed.default_thresholds().mask(), 0.75F);
  EXPECT_EQ(listed.categories_size(), 0);
  EXPECT_EQ(listed.categories_total(), 1U);
  ASSERT_EQ(whole.categories_size(), 1);
  const v1::CalibratedCategory& leather = whole.categories(0);
  EXPECT_EQ(leather.category(), "leather");
  EXPECT_EQ(leather.object(), "tanned leather");
  EXPECT_EQ(leather.seed(), 7U);
  EXPECT_EQ(leather.samples(), 5U);
  EXPECT_EQ(leather.good_pictures(), 120U);
  EXPECT_EQ(leather.fail_rate(), 0.01);
  EXPECT_EQ(leather.review_rate(), 0.05);
  EXPECT_TRUE(leather.apply_orientation());
  EXPECT_FALSE(leather.has_confidence());
  EXPECT_EQ(leather.thresholds().revision(), LeatherCalibration().defaults.thresholds.revision);
  EXPECT_EQ(leather.thresholds().lines(0).fail(), 0.5F);
}

}  // namespace
}  // namespace bayespfl::server
