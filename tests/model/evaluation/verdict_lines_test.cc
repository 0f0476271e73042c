#include "model/evaluation/verdict_lines.h"

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace bayespfl {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr DecisionRule kScore = DecisionRule::kScore;
constexpr DecisionRule kMapScore = DecisionRule::kMapScore;
constexpr DecisionRule kRegionArea = DecisionRule::kRegionArea;

// 1 / count ... 1, times `scale`.
std::vector<double> Ramp(int count, double scale = 1) {
  std::vector<double> values;
  for (int i = 1; i <= count; ++i) values.push_back(scale * i / count);
  return values;
}

std::string Refusal(int64_t good_parts, const VerdictTargets& targets) {
  const absl::Status status = CheckTargets(good_parts, targets);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  return std::string(status.message());
}

TEST(DrawLinesTest, OneRuleHasTheWholeOfBothRates) {
  const auto lines = DrawLines({{kScore, Ramp(199)}}, {.fail_rate = 0.01, .review_rate = 0.05});
  ASSERT_TRUE(lines.ok()) << lines.status();
  ASSERT_EQ(lines->size(), 1U);
  EXPECT_FLOAT_EQ(lines->front().fail, 198.0F / 199);
  EXPECT_FLOAT_EQ(lines->front().review, 190.0F / 199);
}

TEST(DrawLinesTest, SeveralRulesShareThemAndStandInTheirOwnOrder) {
  const auto lines = DrawLines({{kScore, Ramp(199)}, {kMapScore, Ramp(199, 0.5)}},
                               {.rules = {kMapScore, kScore}, .fail_rate = 0.02, .review_rate = 0.1});
  ASSERT_TRUE(lines.ok()) << lines.status();
  ASSERT_EQ(lines->size(), 2U);
  EXPECT_EQ((*lines)[0].rule, kScore);
  EXPECT_FLOAT_EQ((*lines)[0].fail, 198.0F / 199);
  EXPECT_FLOAT_EQ((*lines)[0].review, 190.0F / 199);
  EXPECT_EQ((*lines)[1].rule, kMapScore);
  EXPECT_FLOAT_EQ((*lines)[1].fail, 0.5F * 198 / 199);
}

TEST(DrawLinesTest, AreasAreThoseOfFewerParts) {
  const auto lines = DrawLines({{kScore, Ramp(99)}, {kRegionArea, Ramp(80, 0.1)}},
                               {.rules = {kScore, kRegionArea}, .fail_rate = 0.1, .review_rate = 0.2});
  ASSERT_TRUE(lines.ok()) << lines.status();
  EXPECT_FLOAT_EQ((*lines)[0].fail, 95.0F / 99);      // floor(100 * 0.05) above
  EXPECT_FLOAT_EQ((*lines)[1].fail, 0.1F * 77 / 80);  // floor(81 * 0.05) above
}

TEST(DrawLinesTest, ReviewIsNeverAboveFail) {
  for (const double fail_rate : {0.01, 0.05, 0.3}) {
    for (const double review_rate : {fail_rate, fail_rate + 0.001, 0.5}) {
      for (const std::optional<double> confidence : {std::optional<double>(), {0.9}}) {
        const auto lines = DrawLines({{kScore, Ramp(500)}},
                                     {.fail_rate = fail_rate, .review_rate = review_rate, .confidence = confidence});
        ASSERT_TRUE(lines.ok()) << lines.status();
        EXPECT_LE(lines->front().review, lines->front().fail);
      }
    }
  }
}

// With good parts alone, a search for "the best" threshold ends at the smallest score, and everything is rejected.
TEST(DrawLinesTest, WithGoodPartsAloneNoLineIsTheSmallestScore) {
  for (int parts = 2; parts <= 120; ++parts) {
    for (const double rate : {0.5, 0.25, 0.05}) {
      const VerdictTargets targets{.fail_rate = rate, .review_rate = 0.5};
      if (!CheckTargets(parts, targets).ok()) continue;
      const auto lines = DrawLines({{kScore, Ramp(parts)}}, targets);
      ASSERT_TRUE(lines.ok()) << lines.status();
      ASSERT_GT(lines->front().review, 1.0F / static_cast<float>(parts)) << parts;
      ASSERT_GE(lines->front().review, 0.5F) << parts;
    }
  }
}

TEST(DrawLinesTest, GoodPartsThatAreAllAlikePass) {
  const auto lines = DrawLines({{kScore, std::vector<double>(99, double{0.1F})}}, {});
  ASSERT_TRUE(lines.ok()) << lines.status();
  Thresholds thresholds;
  thresholds.lines = *lines;
  EXPECT_EQ(Decide({.score = 0.1F}, thresholds).verdict, Verdict::kPass);
}

TEST(DrawLinesTest, RoundingPutsNoCalibrationPartAboveTheLineItStandsFor) {
  for (int i = 1; i < 1000; ++i) {
    const double area = i / 50176.0;  // no float
    const auto lines = DrawLines({{kRegionArea, std::vector<double>(99, area)}}, {.rules = {kRegionArea}});
    ASSERT_TRUE(lines.ok()) << lines.status();
    Thresholds thresholds;
    thresholds.lines = *lines;
    ASSERT_EQ(Decide({.largest_region_fraction = area}, thresholds).verdict, Verdict::kPass) << i;
    ASSERT_LE(std::nextafter(lines->front().fail, 0.0F), area);
  }
}

TEST(MaskFittingPartsTest, AreAllOfThemUnlessAreasAreMeasured) {
  EXPECT_EQ(MaskFittingParts(99, {kScore, kMapScore}), 99);
  EXPECT_EQ(MaskFittingParts(99, {kScore, kRegionArea}), 19);
  EXPECT_EQ(MaskFittingParts(2, {kRegionArea}), 1);
}

TEST(FewestPicturesTest, IsTheSmallestNumberThatIsEnough) {
  EXPECT_EQ(FewestPictures(0.01, {}), 99);
  EXPECT_EQ(FewestPictures(0.01, {.rules = {kScore, kMapScore}}), 199);
  EXPECT_EQ(FewestPictures(0.01, {.rules = {kScore, kRegionArea}}), 248);
  EXPECT_EQ(FewestPictures(0.01, {.rules = {kScore, kMapScore, kRegionArea}}), 373);
  EXPECT_EQ(FewestPictures(0.01, {.rules = {kScore, kMapScore}, .confidence = 0.95}), 736);
  EXPECT_EQ(FewestPictures(0.01, {.rules = {kScore, kRegionArea}, .confidence = 0.95}), 919);
  EXPECT_EQ(FewestPictures(0.01, {.rules = {kScore, kMapScore, kRegionArea}, .confidence = 0.95}), 1533);
  for (const std::vector<DecisionRule>& rules : {std::vector{kScore}, std::vector{kRegionArea, kScore}}) {
    for (const std::optional<double> confidence : {std::optional<double>(), {0.95}}) {
      const VerdictTargets targets{.rules = rules, .fail_rate = 0.05, .confidence = confidence};
      const int64_t fewest = FewestPictures(0.05, targets);
      EXPECT_TRUE(CheckTargets(fewest, targets).ok());
      EXPECT_FALSE(CheckTargets(fewest - 1, targets).ok());
    }
  }
}

TEST(CheckTargetsTest, TooFewPicturesAreRefusedWithTheNumbersOfEitherVerdict) {
  EXPECT_THAT(Refusal(50, {}), AllOf(HasSubstr("50 good pictures are too few for lines on score: "),
                                     HasSubstr("FAIL for a share of 0.01 needs 99 (50 support 0.0197 or more)"),
                                     HasSubstr("REVIEW or FAIL for a share of 0.05 needs 19 (which are there)")));
  EXPECT_THAT(Refusal(10, {.rules = {kScore, kMapScore}, .confidence = 0.95}),
              AllOf(HasSubstr("for lines on score, map_score with confidence 0.95: "), HasSubstr("10 support none")));
  EXPECT_THAT(Refusal(0, {}), HasSubstr("0 support none"));
}

TEST(CheckTargetsTest, TheShareThatARefusalNamesIsSupported) {
  for (int64_t parts = 20; parts < 300; parts += 7) {
    for (const std::vector<DecisionRule>& rules : {std::vector{kScore}, std::vector{kScore, kMapScore, kRegionArea}}) {
      const std::optional<double> rate = SmallestRate(parts, {.rules = rules});
      ASSERT_TRUE(rate.has_value());
      EXPECT_TRUE(CheckTargets(parts, {.rules = rules, .fail_rate = *rate, .review_rate = 0.5}).ok()) << parts;
    }
  }
}

TEST(CheckTargetsTest, TargetsOutOfRangeAreRefused) {
  for (const double rate : {0.0, -0.1, 0.51, std::nan("")}) {
    EXPECT_THAT(Refusal(1000, {.fail_rate = rate}), HasSubstr("the fail rate is"));
    EXPECT_THAT(Refusal(1000, {.review_rate = rate}), HasSubstr("the review rate is"));
  }
  EXPECT_THAT(Refusal(1000, {.fail_rate = 0.05, .review_rate = 0.01}),
              HasSubstr("the review rate is 0.01; it must be in 0.05 (the fail rate)..0.5"));
  EXPECT_THAT(Refusal(1000, {.confidence = 0.4}), HasSubstr("the confidence is 0.4"));
  EXPECT_THAT(Refusal(1000, {.confidence = std::nan("")}), HasSubstr("the confidence is"));
  EXPECT_THAT(Refusal(1000, {.rules = {}}), HasSubstr("no rule"));
  EXPECT_THAT(Refusal(1000, {.rules = {kScore, kScore}}), HasSubstr("more than once"));
}

}  // namespace
}  // namespace bayespfl
