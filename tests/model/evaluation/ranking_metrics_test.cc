#include "model/evaluation/ranking_metrics.h"

#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace bayespfl {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

auto Point(double x, double y) { return AllOf(Field(&CurvePoint::x, x), Field(&CurvePoint::y, y)); }

TEST(RankScoresTest, APerfectRankingScoresOneEverywhere) {
  const RankingMetrics metrics = RankScores({0.1, 0.9, 0.2, 0.8}, {0, 1, 0, 1}, 0);
  EXPECT_EQ(metrics.auroc, 1.0);
  EXPECT_EQ(metrics.average_precision, 1.0);
  EXPECT_EQ(metrics.f1_max, 1.0);
  EXPECT_EQ(metrics.f1_threshold, 0.8);
}

TEST(RankScoresTest, MatchesAWorkedExample) {
  // scikit-learn's own example of roc_auc_score and average_precision_score.
  const RankingMetrics metrics = RankScores({0.1, 0.4, 0.35, 0.8}, {0, 0, 1, 1}, 0);
  EXPECT_DOUBLE_EQ(*metrics.auroc, 0.75);
  EXPECT_DOUBLE_EQ(*metrics.average_precision, 0.5 * 1 + 0.5 * 2 / 3);
  EXPECT_DOUBLE_EQ(*metrics.f1_max, 0.8);  // at 0.35: precision 2/3, recall 1
  EXPECT_THAT(metrics.roc, ElementsAre(Point(0, 0), Point(0, 0.5), Point(0.5, 0.5), Point(0.5, 1), Point(1, 1)));
  EXPECT_THAT(metrics.precision_recall,
              ElementsAre(Point(0, 1), Point(0.5, 1), Point(0.5, 0.5), Point(1, 2.0 / 3), Point(1, 0.5)));
}

TEST(RankScoresTest, EqualScoresShareOnePoint) {
  const RankingMetrics metrics = RankScores({0.5, 0.5, 0.5, 0.2}, {1, 0, 1, 0}, 0);
  EXPECT_DOUBLE_EQ(*metrics.auroc, 0.75);
  EXPECT_DOUBLE_EQ(*metrics.average_precision, 2.0 / 3);
  EXPECT_THAT(metrics.roc, ElementsAre(Point(0, 0), Point(0.5, 1), Point(1, 1)));
}

TEST(RankScoresTest, KeepsTheLowestThresholdThatReachesTheBestF1) {
  // F1 is 2/3 at 0.9 (1 of 1, 1 of 2) and again at 0.3 (2 of 4, 2 of 2).
  const RankingMetrics metrics = RankScores({0.9, 0.5, 0.4, 0.3}, {1, 0, 0, 1}, 0);
  EXPECT_DOUBLE_EQ(*metrics.f1_max, 2.0 / 3);
  EXPECT_EQ(metrics.f1_threshold, 0.3);
}

TEST(RankScoresTest, TheEpsilonEntersTheDenominatorOfF1) {
  const RankingMetrics metrics = RankScores({0.9, 0.1}, {1, 0}, 0.5);
  EXPECT_DOUBLE_EQ(*metrics.f1_max, 2 / 2.5);
}

TEST(RankScoresTest, SkipsTheUndefinedF1AboveTheFirstPositive) {
  const RankingMetrics metrics = RankScores({0.9, 0.1}, {0, 1}, 0);  // at 0.9: 0/0
  EXPECT_DOUBLE_EQ(*metrics.f1_max, 2.0 / 3);
}

TEST(RankScoresTest, OnlyPositivesHaveNoAuroc) {
  const RankingMetrics metrics = RankScores({0.9, 0.1}, {1, 1}, 0);
  EXPECT_EQ(metrics.auroc, std::nullopt);
  EXPECT_EQ(metrics.average_precision, 1.0);
  EXPECT_EQ(metrics.f1_max, 1.0);
  EXPECT_THAT(metrics.roc, IsEmpty());
}

TEST(RankScoresTest, OnlyNegativesHaveNoNumberAtAll) {
  const RankingMetrics metrics = RankScores({0.9, 0.1}, {0, 0}, 0);
  EXPECT_EQ(metrics.auroc, std::nullopt);
  EXPECT_EQ(metrics.average_precision, std::nullopt);
  EXPECT_EQ(metrics.f1_max, std::nullopt);
  EXPECT_THAT(metrics.precision_recall, IsEmpty());
}

TEST(RankScoresTest, NoScoresHaveNoNumberAtAll) { EXPECT_EQ(RankScores({}, {}, 0).average_precision, std::nullopt); }

TEST(RankScoresDeathTest, EndsTheProgramOnMismatchedSizes) {
  EXPECT_DEATH(RankScores({0.1, 0.2}, {1}, 0), "2 scores but 1 labels");
}

TEST(CheckScoresTest, AcceptsFiniteScoresOfAnySign) { EXPECT_TRUE(CheckScores({-1.5, 0, 2}, {0, 1, 0}).ok()); }

TEST(CheckScoresTest, RejectsMismatchedSizes) {
  EXPECT_EQ(CheckScores({0.1}, {0, 1}).code(), absl::StatusCode::kInvalidArgument);
}

TEST(CheckScoresTest, RejectsNanAndNamesTheElement) {
  const absl::Status status = CheckScores({0.1, std::numeric_limits<double>::quiet_NaN()}, {0, 1});
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("score 1 is nan"));
}

TEST(CheckScoresTest, RejectsInfinity) {
  EXPECT_FALSE(CheckScores({std::numeric_limits<double>::infinity()}, {1}).ok());
}

TEST(CheckScoresTest, RejectsALabelOtherThanZeroOrOne) {
  const absl::Status status = CheckScores({0.1, 0.2}, {0, 255});
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("label 1 is 255"));
}

}  // namespace
}  // namespace bayespfl
