#include "model/verdict/inspection.h"

#include <vector>

#include "gtest/gtest.h"

namespace bayespfl {
namespace {

// 4 x 4; one region of two pixels at 0.75, one of a single pixel at 0.5.
PixelMap Map() {
  PixelMap map{4, 4, std::vector<float>(16, 0.0F)};
  map.values[0] = map.values[1] = 0.75F;
  map.values[15] = 0.5F;
  return map;
}

CategorySetting Setting() {
  CategorySetting setting;
  setting.thresholds.source = ThresholdSource::kCategory;
  setting.thresholds.mask = 0.6F;
  setting.thresholds.lines = {{.rule = DecisionRule::kScore, .review = 0.5F, .fail = 0.75F},
                              {.rule = DecisionRule::kRegionArea, .review = 0.0F, .fail = 0.1F}};
  return setting;
}

Inspection Judged(const CategorySetting& setting, const JudgeOptions& options, int frame_side = 8) {
  Inspection inspection;
  inspection.score = 0.25F;
  inspection.map_score = 0.5F;
  inspection.frame_width = inspection.frame_height = frame_side;
  Judge(setting, Map(), options, inspection);
  return inspection;
}

TEST(JudgeTest, FillsInAreasAndTheDecision) {
  const Inspection inspection = Judged(Setting(), {});
  EXPECT_EQ(inspection.mask_threshold, 0.6F);
  EXPECT_EQ(inspection.thresholds, Setting().thresholds);
  EXPECT_DOUBLE_EQ(inspection.mask_area_fraction, 2.0 / 16);
  EXPECT_DOUBLE_EQ(inspection.largest_region_fraction, 2.0 / 16);
  EXPECT_EQ(inspection.decision.verdict, Verdict::kFail);
  EXPECT_EQ(inspection.decision.rule, DecisionRule::kRegionArea);
  EXPECT_TRUE(inspection.regions.empty());
  EXPECT_FALSE(inspection.regions_total.has_value());
  EXPECT_FALSE(inspection.mixed_score.has_value());
}

TEST(JudgeTest, TheRequestsMaskThresholdChangesTheMaskAndNotTheVerdict) {
  const Inspection own = Judged(Setting(), {});
  for (const float mask : {0.0F, 0.4F, 1.0F}) {
    const Inspection other = Judged(Setting(), {.mask_threshold = mask, .want_regions = true});
    EXPECT_EQ(other.mask_threshold, mask);
    EXPECT_NE(other.mask_area_fraction, own.mask_area_fraction);
    EXPECT_EQ(other.largest_region_fraction, own.largest_region_fraction);
    EXPECT_EQ(other.decision.verdict, own.decision.verdict);
    EXPECT_EQ(other.decision.rule, own.decision.rule);
  }
}

TEST(JudgeTest, RegionsAreThoseOfTheRequestsMask) {
  const Inspection inspection = Judged(Setting(), {.mask_threshold = 0.5F, .want_regions = true, .max_regions = 1});
  ASSERT_EQ(inspection.regions.size(), 1U);
  EXPECT_EQ(inspection.regions_total, 2U);
  EXPECT_DOUBLE_EQ(inspection.regions[0].area_pixels, 8);  // 2 of 16, in a frame of 64
}

TEST(JudgeTest, TheVerdictDoesNotDependOnTheFramesSize) {
  const Inspection small = Judged(Setting(), {.want_regions = true}, 1);
  const Inspection large = Judged(Setting(), {.want_regions = true}, 4000);
  EXPECT_EQ(small.largest_region_fraction, large.largest_region_fraction);
  EXPECT_EQ(small.decision.verdict, large.decision.verdict);
}

TEST(JudgeTest, RegionsThatAreTooSmallAreNotLookedAt) {
  CategorySetting setting = Setting();
  setting.thresholds.min_region_fraction = 3.0 / 16;
  const Inspection inspection = Judged(setting, {.want_regions = true});
  EXPECT_EQ(inspection.largest_region_fraction, 0);
  EXPECT_EQ(inspection.decision.verdict, Verdict::kPass);
  EXPECT_EQ(inspection.regions_total, 0U);
}

TEST(JudgeTest, TheMixedScoreIsThereWhereTheCategoryHasRanges) {
  CategorySetting setting = Setting();
  setting.ranges = ScoreRanges{.score = {0.0F, 0.5F}, .map_score = {0.0F, 0.5F}};
  EXPECT_EQ(Judged(setting, {}).mixed_score, MixedScore(*setting.ranges, 0.25F, 0.5F));
}

TEST(JudgeTest, WithoutLinesThereIsNoVerdict) {
  EXPECT_EQ(Judged(CategorySetting(), {}).decision.verdict, Verdict::kNone);
}

}  // namespace
}  // namespace bayespfl
