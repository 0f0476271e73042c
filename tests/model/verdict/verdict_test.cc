#include "model/verdict/verdict.h"

#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "gtest/gtest.h"

namespace bayespfl {
namespace {

// Lines at 0.4 and 0.8 of the score, 0.3 and 0.6 of the map score, 0.01 and 0.02 of the area.
Thresholds AllRules() {
  Thresholds thresholds;
  thresholds.lines = {{.rule = DecisionRule::kScore, .review = 0.4F, .fail = 0.8F},
                      {.rule = DecisionRule::kMapScore, .review = 0.3F, .fail = 0.6F},
                      {.rule = DecisionRule::kRegionArea, .review = 0.01F, .fail = 0.02F}};
  return thresholds;
}

void ExpectDecision(const Measurements& measured, Verdict verdict, std::optional<DecisionRule> rule,
                    const Thresholds& thresholds = AllRules()) {
  const Decision decision = Decide(measured, thresholds);
  EXPECT_EQ(decision.verdict, verdict) << VerdictName(decision.verdict);
  EXPECT_EQ(decision.rule, rule);
}

TEST(DecideTest, PassesWhatEveryRuleHasAtOrBelowItsReviewLine) {
  ExpectDecision({.score = 0.1F, .map_score = 0.1F, .largest_region_fraction = 0.001}, Verdict::kPass, std::nullopt);
}

TEST(DecideTest, EachRuleAloneCanAskForReview) {
  ExpectDecision({.score = 0.5F}, Verdict::kReview, DecisionRule::kScore);
  ExpectDecision({.map_score = 0.5F}, Verdict::kReview, DecisionRule::kMapScore);
  ExpectDecision({.largest_region_fraction = 0.015}, Verdict::kReview, DecisionRule::kRegionArea);
}

TEST(DecideTest, EachRuleAloneCanFail) {
  ExpectDecision({.score = 0.9F}, Verdict::kFail, DecisionRule::kScore);
  ExpectDecision({.map_score = 0.9F}, Verdict::kFail, DecisionRule::kMapScore);
  ExpectDecision({.largest_region_fraction = 0.5}, Verdict::kFail, DecisionRule::kRegionArea);
}

TEST(DecideTest, TheWorstRuleDecidesWhereverItStands) {
  ExpectDecision({.score = 0.5F, .map_score = 0.9F}, Verdict::kFail, DecisionRule::kMapScore);
  ExpectDecision({.score = 0.9F, .map_score = 0.5F}, Verdict::kFail, DecisionRule::kScore);
}

TEST(DecideTest, AmongEqualVerdictsTheFirstLineIsTheReason) {
  const Measurements all_fail{.score = 0.9F, .map_score = 0.9F, .largest_region_fraction = 0.5};
  ExpectDecision(all_fail, Verdict::kFail, DecisionRule::kScore);
  Thresholds reversed = AllRules();
  std::swap(reversed.lines.front(), reversed.lines.back());
  ExpectDecision(all_fail, Verdict::kFail, DecisionRule::kRegionArea, reversed);
}

TEST(DecideTest, AValueThatIsEqualToALineIsNotAboveIt) {
  ExpectDecision({.score = 0.4F}, Verdict::kPass, std::nullopt);
  ExpectDecision({.score = 0.8F}, Verdict::kReview, DecisionRule::kScore);
  ExpectDecision({.score = std::nextafter(0.8F, 1.0F)}, Verdict::kFail, DecisionRule::kScore);
}

TEST(DecideTest, AreasAreComparedWithTheLineAsItIsStored) {
  const double line = 0.01F;  // not the double 0.01
  ExpectDecision({.largest_region_fraction = line}, Verdict::kPass, std::nullopt);
  ExpectDecision({.largest_region_fraction = std::nextafter(line, 1.0)}, Verdict::kReview, DecisionRule::kRegionArea);
}

TEST(DecideTest, WhatIsNotANumberIsAboveEveryLine) {
  ExpectDecision({.score = std::numeric_limits<float>::quiet_NaN()}, Verdict::kFail, DecisionRule::kScore);
  ExpectDecision({.map_score = std::numeric_limits<float>::quiet_NaN()}, Verdict::kFail, DecisionRule::kMapScore);
}

TEST(DecideTest, WithoutLinesThereIsNoVerdict) {
  ExpectDecision({.score = 1, .map_score = 1, .largest_region_fraction = 1}, Verdict::kNone, std::nullopt,
                 Thresholds());
}

TEST(DecideTest, NumbersWithoutALineDoNotMatter) {
  Thresholds score_only = AllRules();
  score_only.lines.resize(1);
  ExpectDecision({.score = 0.1F, .map_score = 1, .largest_region_fraction = 1}, Verdict::kPass, std::nullopt,
                 score_only);
}

TEST(NamesTest, EveryVerdictRuleAndSourceIsReadBackFromItsName) {
  for (const Verdict verdict : {Verdict::kNone, Verdict::kPass, Verdict::kReview, Verdict::kFail}) {
    EXPECT_EQ(VerdictOfName(VerdictName(verdict)), verdict);
  }
  for (const DecisionRule rule : kDecisionRules) EXPECT_EQ(RuleOfName(RuleName(rule)), rule);
  for (const ThresholdSource source :
       {ThresholdSource::kDefault, ThresholdSource::kPackage, ThresholdSource::kCategory}) {
    EXPECT_EQ(ThresholdSourceOfName(ThresholdSourceName(source)), source);
  }
}

TEST(NamesTest, TheNamesAreThoseOfTheResultLog) {
  EXPECT_EQ(VerdictName(Verdict::kReview), "REVIEW");
  EXPECT_EQ(VerdictName(Verdict::kNone), "NONE");
  EXPECT_EQ(RuleName(DecisionRule::kMapScore), "map_score");
  EXPECT_EQ(ThresholdSourceName(ThresholdSource::kCategory), "category");
}

TEST(NamesTest, OtherWordsAreNoNames) {
  EXPECT_EQ(VerdictOfName("pass"), std::nullopt);
  EXPECT_EQ(RuleOfName(""), std::nullopt);
  EXPECT_EQ(ThresholdSourceOfName("server"), std::nullopt);
}

}  // namespace
}  // namespace bayespfl
