// What calibrations promise, on simulated plants whose true shares are known: 10,000 calibrations each, and for each
// the share of all good parts that its lines give FAIL, and REVIEW or FAIL, from the parts' distribution itself.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "gtest/gtest.h"
#include "model/evaluation/verdict_lines.h"

namespace bayespfl {
namespace {

constexpr int kCalibrations = 10'000;
constexpr double kErrors = 4;  // standard errors of the simulation that a mean or a share may be off by

// A good part has a latent oddness z and, for each rule, a heat g = kCommon z + kOwn e with an own e; z and all e are
// standard normal, so the rules hang together with correlation 0.7. Score and map score grow with their heat; the area
// is what of the third heat lies above a mask threshold, in steps of pixels: many good parts have none, many are alike.
const double kCommon = std::sqrt(0.7);
const double kOwn = std::sqrt(0.3);
constexpr double kAreaOfHeat = 0.01;
constexpr double kPixel = 1.0 / 50176;

using Heats = std::array<double, 3>;  // by rule

double ScoreOfHeat(double heat) { return 1 / (1 + std::exp(-heat)); }
double HeatOfScore(double score) { return score <= 0 ? -1e9 : score >= 1 ? 1e9 : -std::log(1 / score - 1); }

double AreaOfHeat(double heat, double mask_heat) {
  return std::floor(std::max(0.0, heat - mask_heat) * kAreaOfHeat / kPixel) * kPixel;
}
// A part's area is above `line` from this heat on.
double HeatOfArea(double line, double mask_heat) {
  return mask_heat + (std::floor(line / kPixel + 1e-6) + 1) * kPixel / kAreaOfHeat;
}

// P(any heat is above its limit): given z the rules are independent; the trapezoid rule over z.
double ShareAbove(const std::vector<double>& limits) {
  constexpr double kReach = 7;
  constexpr double kStep = 0.25;
  double none = 0;
  for (double z = -kReach; z <= kReach; z += kStep) {
    double below = kStep * std::exp(-z * z / 2) / std::sqrt(2 * std::numbers::pi);
    for (const double limit : limits) below *= std::erfc(-(limit - kCommon * z) / kOwn / std::numbers::sqrt2) / 2;
    none += below;
  }
  return 1 - none;
}

struct Shares {
  double fail = 0;
  double review_or_fail = 0;
};

// One calibration as bayespfl-model makes it: a fifth of the parts fits the mask threshold, so that one in a hundred of
// their heats is above it, when areas are looked at.
class Plant {
 public:
  Plant(int64_t parts, VerdictTargets targets, uint64_t seed)
      : parts_(parts), targets_(std::move(targets)), generator_(seed) {}

  Shares Calibrate() {
    std::vector<Heats> heats(static_cast<size_t>(parts_));
    for (Heats& part : heats) {
      const double z = normal_(generator_);
      for (double& heat : part) heat = kCommon * z + kOwn * normal_(generator_);
    }
    const auto fitting = static_cast<size_t>(MaskFittingParts(parts_, targets_.rules));
    double mask_heat = 0;
    for (size_t i = 0; i < fitting; ++i) mask_heat = std::max(mask_heat, heats[i][2] - 1);
    RuleValues values;
    for (size_t i = 0; i < heats.size(); ++i) {
      values[DecisionRule::kScore].push_back(ScoreOfHeat(heats[i][0]));
      values[DecisionRule::kMapScore].push_back(ScoreOfHeat(heats[i][1]));
      if (i >= fitting) values[DecisionRule::kRegionArea].push_back(AreaOfHeat(heats[i][2], mask_heat));
    }
    const absl::StatusOr<std::vector<DecisionLine>> lines = DrawLines(values, targets_);
    EXPECT_TRUE(lines.ok()) << lines.status();
    return {.fail = Share(*lines, &DecisionLine::fail, mask_heat),
            .review_or_fail = Share(*lines, &DecisionLine::review, mask_heat)};
  }

 private:
  static double Share(const std::vector<DecisionLine>& lines, float DecisionLine::* level, double mask_heat) {
    std::vector<double> limits;
    for (const DecisionLine& line : lines) {
      const double value = line.*level;
      limits.push_back(line.rule == DecisionRule::kRegionArea ? HeatOfArea(value, mask_heat) : HeatOfScore(value));
    }
    return ShareAbove(limits);
  }

  int64_t parts_;
  VerdictTargets targets_;
  std::mt19937_64 generator_;
  std::normal_distribution<double> normal_{0, 1};
};

struct Simulated {
  double mean = 0;
  double error = 0;  // standard error of the mean
  double kept = 0;   // share of the calibrations that kept the target

  void Record(const std::string& name) const {
    ::testing::Test::RecordProperty(name, absl::StrFormat("mean %.5f +- %.5f, kept by %.4f", mean, error, kept));
  }
};

Simulated Summarise(const std::vector<double>& shares, double target) {
  const auto count = static_cast<double>(shares.size());
  double sum = 0;
  double squares = 0;
  double kept = 0;
  for (const double share : shares) {
    sum += share;
    squares += share * share;
    kept += share <= target ? 1 : 0;
  }
  const double mean = sum / count;
  return {.mean = mean, .error = std::sqrt((squares / count - mean * mean) / count), .kept = kept / count};
}

struct SimulatedVerdicts {
  Simulated fail;
  Simulated review_or_fail;
};

SimulatedVerdicts Simulate(int64_t parts, const VerdictTargets& targets, uint64_t seed) {
  Plant plant(parts, targets, seed);
  std::vector<double> fail;
  std::vector<double> review_or_fail;
  for (int i = 0; i < kCalibrations; ++i) {
    const Shares shares = plant.Calibrate();
    fail.push_back(shares.fail);
    review_or_fail.push_back(shares.review_or_fail);
  }
  const SimulatedVerdicts result{.fail = Summarise(fail, targets.fail_rate),
                                 .review_or_fail = Summarise(review_or_fail, targets.review_rate)};
  result.fail.Record("fail");
  result.review_or_fail.Record("review_or_fail");
  return result;
}

void ExpectMeanWithin(const Simulated& simulated, double target) {
  EXPECT_LE(simulated.mean, target + kErrors * simulated.error);
}

void ExpectKeptWith(const Simulated& simulated, double confidence) {
  EXPECT_GE(simulated.kept, confidence - kErrors * std::sqrt(confidence * (1 - confidence) / kCalibrations));
}

const std::vector<DecisionRule> kEveryRule(kDecisionRules.begin(), kDecisionRules.end());

TEST(CoverageTest, OneRuleKeepsBothRatesOnAverageAndUsesThemUp) {
  for (const int64_t parts : {99, 399}) {
    const SimulatedVerdicts simulated = Simulate(parts, {}, 1);
    ExpectMeanWithin(simulated.fail, 0.01);
    ExpectMeanWithin(simulated.review_or_fail, 0.05);
    EXPECT_GE(simulated.fail.mean, 0.01 - kErrors * simulated.fail.error);
    EXPECT_GE(simulated.review_or_fail.mean, 0.05 - kErrors * simulated.review_or_fail.error);
  }
}

TEST(CoverageTest, TwoRulesThatHangTogetherKeepBothRatesOnAverage) {
  const VerdictTargets targets{
      .rules = {DecisionRule::kScore, DecisionRule::kMapScore}, .fail_rate = 0.02, .review_rate = 0.1};
  const SimulatedVerdicts simulated = Simulate(99, targets, 2);
  ExpectMeanWithin(simulated.fail, targets.fail_rate);
  ExpectMeanWithin(simulated.review_or_fail, targets.review_rate);
  EXPECT_GE(simulated.fail.mean, targets.fail_rate / 2);
  EXPECT_GE(simulated.review_or_fail.mean, targets.review_rate / 2);
}

TEST(CoverageTest, AllRulesWithAFittedMaskThresholdKeepBothRatesOnAverage) {
  const SimulatedVerdicts simulated = Simulate(399, {.rules = kEveryRule}, 3);
  ExpectMeanWithin(simulated.fail, 0.01);
  ExpectMeanWithin(simulated.review_or_fail, 0.05);
  EXPECT_GE(simulated.fail.mean, 0.01 / 3);
  EXPECT_GE(simulated.review_or_fail.mean, 0.05 / 3);
}

TEST(CoverageTest, OneRuleKeepsEachRateWithItsConfidenceAndHardlyMore) {
  const SimulatedVerdicts simulated = Simulate(299, {.confidence = 0.95}, 4);
  ExpectKeptWith(simulated.fail, 0.95);
  ExpectKeptWith(simulated.review_or_fail, 0.95);
  EXPECT_LE(simulated.fail.kept, 0.96);  // 1 - 0.99^299 = 0.9505
}

TEST(CoverageTest, AllRulesKeepEachRateWithItsConfidence) {
  const VerdictTargets targets{.rules = kEveryRule, .fail_rate = 0.05, .review_rate = 0.1, .confidence = 0.95};
  const SimulatedVerdicts simulated = Simulate(399, targets, 5);
  ExpectKeptWith(simulated.fail, 0.95);
  ExpectKeptWith(simulated.review_or_fail, 0.95);
}

// The simulation can tell: lines drawn as if each rule had the whole rate break the promise.
TEST(CoverageTest, RulesThatDidNotShareTheRateWouldBreakIt) {
  Plant shared(199, {.rules = {DecisionRule::kScore, DecisionRule::kMapScore}, .fail_rate = 0.02, .review_rate = 0.1},
               6);
  std::vector<double> as_if_alone;  // two rules at 0.01 each, promised as 0.01
  for (int i = 0; i < kCalibrations / 10; ++i) as_if_alone.push_back(shared.Calibrate().fail);
  const Simulated broken = Summarise(as_if_alone, 0.01);
  EXPECT_GT(broken.mean, 0.01 + kErrors * broken.error);
}

}  // namespace
}  // namespace bayespfl
