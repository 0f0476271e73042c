#include "model/evaluation/reference_scores.h"

#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace bayespfl {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(ReferenceTopKTest, SmallDefectsUseTwentyPixels) {
  for (const char* category : {"capsules", "macaroni1", "macaroni2", "pipe_fryum", "screw", "cashew", "chewinggum"}) {
    EXPECT_EQ(ReferenceTopK(category), 20) << category;
  }
}

TEST(ReferenceTopKTest, OtherCategoriesUseTwoThousand) {
  EXPECT_EQ(ReferenceTopK("capsule"), 2000);  // MVTec's, not VisA's capsules
  EXPECT_EQ(ReferenceTopK(""), 2000);
}

TEST(TopKMeanTest, AveragesTheLargestPixels) {
  EXPECT_DOUBLE_EQ(*TopKMean({2, 2, {0.25F, 1.0F, 0.5F, 0.125F}}, 2), 0.75);
}

TEST(TopKMeanTest, MayUseTheWholeMap) { EXPECT_DOUBLE_EQ(*TopKMean({2, 1, {0.25F, 0.75F}}, 2), 0.5); }

TEST(TopKMeanTest, RejectsAMapWithFewerPixels) {
  const absl::Status status = TopKMean({2, 1, {0.25F, 0.75F}}, 3).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("2x1 has fewer than the 3 pixels"));
}

TEST(TopKMeanTest, RejectsNoPixelsAtAll) {
  EXPECT_EQ(TopKMean({2, 1, {0.25F, 0.75F}}, 0).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(TopKMeanTest, RejectsNan) {
  const PixelMap map{2, 1, {0.25F, std::numeric_limits<float>::quiet_NaN()}};
  EXPECT_EQ(TopKMean(map, 1).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(MinMaxTest, ScalesToTheUnitInterval) {
  EXPECT_THAT(MinMax({3, 1, 2}), ElementsAre(DoubleNear(1, 1e-8), 0, DoubleNear(0.5, 1e-8)));
}

TEST(MinMaxTest, EqualValuesBecomeZero) { EXPECT_THAT(MinMax({0.7, 0.7}), ElementsAre(0, 0)); }

TEST(MinMaxTest, NothingStaysNothing) { EXPECT_THAT(MinMax({}), IsEmpty()); }

TEST(FinalImageScoresTest, WeighsBothPartsEqually) {
  EXPECT_THAT(FinalImageScores({0, 1, 2}, {5, 7, 5}), ElementsAre(0, DoubleNear(0.75, 1e-8), DoubleNear(0.5, 1e-8)));
}

TEST(FinalImageScoresDeathTest, EndsTheProgramOnMismatchedSizes) {
  EXPECT_DEATH(FinalImageScores({0, 1}, {0}), "2 text scores but 1 means");
}

TEST(ReferenceImageTableTest, ShowsTheNumbersThemselves) {
  const auto table = ReferenceImageTable(RankScores({0.9, 0.1}, {1, 0}, 0));
  ASSERT_TRUE(table.has_value());
  EXPECT_EQ(table->auroc, 1);
  EXPECT_EQ(table->average_precision, 1);
  EXPECT_EQ(table->f1_max, 1);
}

TEST(ReferenceImageTableTest, ShowsZerosWhereEveryPictureIsAnomalous) {
  const auto table = ReferenceImageTable(RankScores({0.9, 0.1}, {1, 1}, 0));
  ASSERT_TRUE(table.has_value());
  EXPECT_EQ(table->auroc, 0);
  EXPECT_EQ(table->average_precision, 0);
  EXPECT_EQ(table->f1_max, 0);
}

TEST(ReferenceImageTableTest, ShowsNothingWhereNoPictureIsAnomalous) {
  EXPECT_EQ(ReferenceImageTable(RankScores({0.9, 0.1}, {0, 0}, 0)), std::nullopt);
}

}  // namespace
}  // namespace bayespfl
