#include "model/verdict/comparison.h"

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace bayespfl {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Inspection Recorded() {
  Inspection inspection;
  inspection.object = "leather";
  inspection.decision = {.verdict = Verdict::kPass};
  inspection.score = 0.5F;
  inspection.score_std = 0.125F;
  inspection.map_score = 0.25F;
  inspection.mixed_score = 0.75F;
  inspection.mask_area_fraction = 0.5;
  inspection.largest_region_fraction = 0.25;
  inspection.thresholds.revision = "0123456789ab";
  inspection.provenance = {.model_digest = "aa",
                           .computation_digest = "cc",
                           .precision = "fp32",
                           .kernels = "libtorch",
                           .device = "cpu",
                           .server_version = "1",
                           .seed = 1,
                           .samples = 10,
                           .picture = {.sha256 = "bb"},
                           .ran_alone = true};
  return inspection;
}

using Change = std::function<void(Inspection&)>;

Comparison After(const Change& change) {
  Inspection now = Recorded();
  change(now);
  return Compare(Recorded(), now);
}

TEST(CompareTest, TheSameNumbersAreEqualToTheBit) {
  const Comparison comparison = Compare(Recorded(), Recorded());
  EXPECT_EQ(comparison.agreement, Agreement::kEqual);
  EXPECT_THAT(comparison.numbers, IsEmpty());
  EXPECT_THAT(comparison.conditions, IsEmpty());
}

TEST(CompareTest, OneBitInAnyScoreIsTold) {
  for (float Inspection::* score : {&Inspection::score, &Inspection::score_std, &Inspection::map_score}) {
    const Comparison comparison = After([&](Inspection& now) { now.*score = std::nextafter(now.*score, 1.0F); });
    EXPECT_EQ(comparison.agreement, Agreement::kWithinTolerance);
    EXPECT_EQ(comparison.numbers.size(), 1U);
  }
}

TEST(CompareTest, ADifferenceIsNamedWithBothValues) {
  EXPECT_THAT(After([](Inspection& now) { now.score = 0.75F; }).numbers, ElementsAre("score 0.5 -> 0.75"));
}

// Of a result that was recorded in this precision.
Agreement AfterIn(const std::string& precision, const Change& change) {
  Inspection recorded = Recorded();
  recorded.provenance.precision = precision;
  Inspection now = recorded;
  change(now);
  return Compare(recorded, now).agreement;
}

TEST(CompareTest, ScoresAreWithinTheirPrecisionsToleranceOrDifferent) {
  const std::pair<std::string, float> tolerances[] = {
      {"fp32", 1e-5F}, {"bf16", 5e-3F}, {"fp16", 2e-3F}, {"int8", 2e-2F}, {"", 1e-5F}};
  for (const auto& [precision, tolerance] : tolerances) {
    EXPECT_EQ(AfterIn(precision, [&](Inspection& now) { now.score += 0.9F * tolerance; }), Agreement::kWithinTolerance);
    EXPECT_EQ(AfterIn(precision, [&](Inspection& now) { now.score += 1.1F * tolerance; }), Agreement::kDifferent);
    EXPECT_EQ(AfterIn(precision, [&](Inspection& now) { now.map_score -= 1.1F * tolerance; }), Agreement::kDifferent);
  }
}

// What was recorded says what is asked, not what it is computed in now.
TEST(CompareTest, ALesserPrecisionNowMakesNoRoomForAResultInFp32) {
  const Comparison comparison = After([](Inspection& now) {
    now.provenance.precision = "bf16";
    now.score += 1e-3F;
  });
  EXPECT_EQ(comparison.agreement, Agreement::kDifferent);
}

TEST(CompareTest, AreasAreWithinTheirToleranceOrDifferent) {
  for (double Inspection::* area : {&Inspection::mask_area_fraction, &Inspection::largest_region_fraction}) {
    for (const auto& [precision, tolerance] :
         {std::pair("fp32", 1e-3), std::pair("bf16", 1e-2), std::pair("fp16", 1e-2)}) {
      EXPECT_EQ(AfterIn(precision, [&](Inspection& now) { now.*area += 0.9 * tolerance; }),
                Agreement::kWithinTolerance);
      EXPECT_EQ(AfterIn(precision, [&](Inspection& now) { now.*area += 1.1 * tolerance; }), Agreement::kDifferent);
    }
  }
}

TEST(CompareTest, AnotherVerdictIsDifferentHoweverCloseTheNumbersAre) {
  const Comparison comparison = After([](Inspection& now) { now.decision.verdict = Verdict::kReview; });
  EXPECT_EQ(comparison.agreement, Agreement::kDifferent);
  EXPECT_THAT(comparison.numbers, ElementsAre("verdict PASS -> REVIEW"));
}

TEST(CompareTest, AMixedScoreFollowsTheScoresButMustBeThereInBoth) {
  EXPECT_EQ(After([](Inspection& now) { now.mixed_score = 5; }).agreement, Agreement::kWithinTolerance);
  const Comparison gone = After([](Inspection& now) { now.mixed_score.reset(); });
  EXPECT_EQ(gone.agreement, Agreement::kDifferent);
  EXPECT_THAT(gone.numbers, ElementsAre("mixed_score 0.75 -> none"));
}

TEST(CompareTest, WhatIsNotANumberIsDifferent) {
  EXPECT_EQ(After([](Inspection& now) { now.score = std::numeric_limits<float>::quiet_NaN(); }).agreement,
            Agreement::kDifferent);
}

TEST(CompareTest, EachConditionThatChangedIsNamedThoughNoNumberDiffers) {
  const std::vector<std::pair<Change, std::string>> changes = {
      {[](Inspection& now) { now.provenance.picture.sha256 = "cc"; }, "the picture's SHA-256 bb -> cc"},
      {[](Inspection& now) { now.provenance.picture.raw = RawGeometry(); }, "raw geometry"},
      {[](Inspection& now) { now.provenance.picture.significant_bits = 12; }, "significant bits"},
      {[](Inspection& now) { now.provenance.picture.apply_orientation = true; }, "turned upright"},
      {[](Inspection& now) { now.provenance.model_digest = "dd"; },
       "the package's digest, of its names or calibration, aa -> dd"},
      {[](Inspection& now) { now.provenance.model_digest = now.provenance.computation_digest = "dd"; },
       "the model's computation digest cc -> dd"},
      {[](Inspection& now) { now.object = "hide"; }, "the object leather -> hide"},
      {[](Inspection& now) { now.thresholds.revision = "ba9876543210"; }, "the thresholds' revision"},
      {[](Inspection& now) { now.mask_threshold = 0.75F; }, "the mask threshold 0.5 -> 0.75"},
      {[](Inspection& now) { now.provenance.precision = "bf16"; }, "precision fp32 -> bf16"},
      {[](Inspection& now) { now.provenance.seed = 2; }, "seed 1 -> 2"},
      {[](Inspection& now) { now.provenance.samples = 11; }, "samples 10 -> 11"},
      {[](Inspection& now) { now.provenance.kernels = "other"; }, "kernels libtorch -> other"},
      {[](Inspection& now) { now.provenance.device = "cuda:0"; }, "device cpu -> cuda:0"},
      {[](Inspection& now) { now.provenance.server_version = "2"; }, "program version 1 -> 2"}};
  for (const auto& [change, text] : changes) {
    const Comparison comparison = After(change);
    EXPECT_THAT(comparison.conditions, ElementsAre(HasSubstr(text)));
    EXPECT_EQ(comparison.agreement, Agreement::kEqual) << text;
  }
}

TEST(CompareTest, ABatchAtTheTimeOfTheRecordIsACondition) {
  Inspection recorded = Recorded();
  recorded.provenance.ran_alone = false;
  EXPECT_THAT(Compare(recorded, Recorded()).conditions, ElementsAre(HasSubstr("in a batch with other frames")));
}

TEST(CompareTest, AgreementsHaveTheirWords) {
  EXPECT_EQ(AgreementText(Agreement::kEqual), "equal to the bit");
  EXPECT_EQ(AgreementText(Agreement::kWithinTolerance), "within the documented tolerance");
  EXPECT_EQ(AgreementText(Agreement::kDifferent), "different");
}

}  // namespace
}  // namespace bayespfl
