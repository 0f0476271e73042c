#include "model/evaluation/acceptance_threshold.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace bayespfl {
namespace {

using ::testing::HasSubstr;

int64_t Rank(int64_t good_parts, double reject_rate, std::optional<double> confidence = std::nullopt) {
  const absl::StatusOr<int64_t> rank =
      AcceptanceRank(good_parts, {.reject_rate = reject_rate, .confidence = confidence});
  EXPECT_TRUE(rank.ok()) << rank.status();
  return rank.value_or(-1);
}

std::string Refusal(int64_t good_parts, double reject_rate, std::optional<double> confidence = std::nullopt) {
  const absl::StatusOr<int64_t> rank =
      AcceptanceRank(good_parts, {.reject_rate = reject_rate, .confidence = confidence});
  EXPECT_EQ(rank.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(rank.status().message());
}

// ---- split conformal: ceil((n + 1)(1 - a)) -------------------------------------------------------------------------

TEST(ConformalRankTest, IsTheHandComputedOrderStatistic) {
  EXPECT_EQ(Rank(9, 0.1), 9);       // ceil(10 * 0.9)
  EXPECT_EQ(Rank(10, 0.1), 10);     // ceil(11 * 0.9 = 9.9)
  EXPECT_EQ(Rank(19, 0.1), 18);     // ceil(20 * 0.9)
  EXPECT_EQ(Rank(99, 0.01), 99);    // ceil(100 * 0.99)
  EXPECT_EQ(Rank(198, 0.01), 198);  // ceil(199 * 0.99 = 197.01)
  EXPECT_EQ(Rank(199, 0.01), 198);  // ceil(200 * 0.99)
  EXPECT_EQ(Rank(1, 0.5), 1);
}

TEST(ConformalRankTest, IsExactWhereTheProductOfDoublesIsNot) {
  // 100 * 0.29 is 28.999999999999996 in double.
  EXPECT_EQ(Rank(99, 0.29), 71);
  for (int64_t k = 1; k <= 500; ++k) EXPECT_EQ(Rank(999, static_cast<double>(k) / 1000), 1000 - k) << k;
}

TEST(ConformalRankTest, TooFewPartsAreRefusedWithBothNumbers) {
  EXPECT_THAT(Refusal(98, 0.01), AllOf(HasSubstr("a reject rate of 0.01 needs 99 good parts"),
                                       HasSubstr("98 support a rate of 0.0102 or more")));
  EXPECT_THAT(Refusal(0, 0.1), HasSubstr("there are no good parts; 9 are needed"));
}

TEST(ConformalRankTest, TheNumbersOfARefusalAreTight) {
  for (const double rate : {0.5, 0.3, 0.1, 0.05, 0.01, 0.003, 0.001}) {
    const int64_t needed = FewestGoodParts({.reject_rate = rate});
    EXPECT_EQ(needed, static_cast<int64_t>(std::ceil(1 / rate - 1e-9)) - 1) << rate;
    EXPECT_EQ(Rank(needed, rate), needed);
    if (needed > 1) {
      Refusal(needed - 1, rate);
      const double supported = SmallestRejectRate(needed - 1, std::nullopt);
      if (supported <= 0.5) Rank(needed - 1, supported);
    }
  }
}

// ---- tolerance bound -----------------------------------------------------------------------------------------------

TEST(ToleranceRankTest, AgreesWithTheTablesOfSampleSizes) {
  // One-sided tolerance limits, 95 % of the population with 95 % confidence: the sample sizes at which the largest, the
  // second largest, ... value may serve.
  const std::vector<int64_t> sizes = {59, 93, 124, 153, 181, 208};
  for (size_t above = 0; above < sizes.size(); ++above) {
    const auto j = static_cast<int64_t>(above);
    EXPECT_EQ(Rank(sizes[above], 0.05, 0.95), sizes[above] - j) << sizes[above];
    if (j > 0) {
      EXPECT_EQ(Rank(sizes[above] - 1, 0.05, 0.95), sizes[above] - j) << sizes[above] - 1;
    }
  }
  EXPECT_EQ(FewestGoodParts({.reject_rate = 0.05, .confidence = 0.95}), 59);
  EXPECT_EQ(FewestGoodParts({.reject_rate = 0.01, .confidence = 0.95}), 299);
  EXPECT_EQ(FewestGoodParts({.reject_rate = 0.10, .confidence = 0.90}), 22);
}

TEST(ToleranceRankTest, IsTheHandComputedOrderStatistic) {
  // n = 5, a = 1/2: P(Binomial <= 0) = 1/32, P(<= 1) = 6/32 = 0.1875, P(<= 2) = 1/2.
  EXPECT_EQ(Rank(5, 0.5, 0.95), 5);
  EXPECT_EQ(Rank(5, 0.5, 0.8125), 4);
  EXPECT_EQ(Rank(5, 0.5, 0.82), 5);
  EXPECT_EQ(Rank(5, 0.5, 0.5), 3);
}

TEST(ToleranceRankTest, TooFewPartsAreRefusedWithBothNumbers) {
  EXPECT_THAT(Refusal(298, 0.01, 0.95),
              AllOf(HasSubstr("a reject rate of 0.01 with confidence 0.95 needs 299 good parts"),
                    HasSubstr("298 support a rate of 0.0101 or more")));
  EXPECT_THAT(Refusal(1, 0.01, 0.95), HasSubstr("1 support none"));
  EXPECT_EQ(Rank(298, 0.0101, 0.95), 298);
}

TEST(ToleranceRankTest, SurvivesProbabilitiesBelowTheSmallestDouble) {
  // (1 - a)^n is 10^-4576; the bound is near n (1 - a) + 1.645 sqrt(n a (1 - a)).
  EXPECT_NEAR(static_cast<double>(Rank(100'000, 0.1, 0.95)), 90'000 + 1.645 * std::sqrt(9000.0), 3);
}

TEST(AcceptanceTargetTest, ValuesOutOfRangeAreRefused) {
  for (const double rate : {0.0, -0.1, 0.51, 1.0, std::nan("")})
    EXPECT_THAT(Refusal(100, rate), HasSubstr("the reject rate"));
  for (const double confidence : {0.0, 0.4, 1.0, std::nan("")}) {
    EXPECT_THAT(Refusal(100, 0.1, confidence), HasSubstr("the confidence"));
  }
}

TEST(AcceptanceThresholdTest, IsTheScoreOfThatRankInAnyOrder) {
  const std::vector<double> scores = {0.9, 0.1, 0.5, 0.3, 0.7, 0.2, 0.8, 0.4, 0.6};
  EXPECT_EQ(AcceptanceThreshold(scores, {.reject_rate = 0.1}).value(), 0.9);
  EXPECT_EQ(AcceptanceThreshold(scores, {.reject_rate = 0.2}).value(), 0.8);
  EXPECT_EQ(AcceptanceThreshold({0.5, 0.5, 0.5}, {.reject_rate = 0.25}).value(), 0.5);
}

// ---- rules that share a rate ---------------------------------------------------------------------------------------

TEST(SharedRateTest, EachRuleHasItsPartOfTheConformalRate) {
  for (int rules = 1; rules <= 5; ++rules) {
    for (int64_t k = 1; k <= 100; ++k) {
      const double rate = static_cast<double>(k * rules) / 1000;  // the quotient rate / rules may lie below k / 1000
      if (rate > 0.5) break;
      EXPECT_EQ(AcceptanceRank(999, {.reject_rate = rate, .rules = rules}).value(), 1000 - k) << rules << " " << k;
    }
  }
}

TEST(SharedRateTest, EachRuleHasItsPartOfTheRateAndOfTheRisk) {
  const auto shared = AcceptanceRank(1000, {.reject_rate = 0.1, .confidence = 0.9, .rules = 2});
  EXPECT_EQ(shared.value(), Rank(1000, 0.05, 0.95));
}

TEST(SharedRateTest, MoreRulesNeedMoreParts) {
  EXPECT_EQ(FewestGoodParts({.reject_rate = 0.01, .rules = 2}), 199);
  EXPECT_EQ(FewestGoodParts({.reject_rate = 0.01, .rules = 3}), 299);
  EXPECT_EQ(FewestGoodParts({.reject_rate = 0.1, .confidence = 0.9, .rules = 2}), 59);  // 95 % of 95 %
}

TEST(SharedRateTest, TheSmallestRateIsEnoughForItsNumberOfParts) {
  for (int rules = 1; rules <= 3; ++rules) {
    for (int64_t parts = 20; parts < 500; parts += 13) {
      const double rate = SmallestRejectRate(parts, std::nullopt, rules);
      EXPECT_LE(FewestGoodParts({.reject_rate = rate, .rules = rules}), parts) << rate;
      const double confident = SmallestRejectRate(parts, 0.95, rules);
      if (confident > 0.5) continue;
      EXPECT_LE(FewestGoodParts({.reject_rate = confident, .confidence = 0.95, .rules = rules}), parts) << confident;
    }
  }
}

// ---- a line is never the smallest good value -----------------------------------------------------------------------

TEST(SmallestValueTest, NoTargetPutsTheLineIntoTheLowerHalf) {
  for (int64_t parts = 2; parts <= 200; ++parts) {
    for (int rules = 1; rules <= 3; ++rules) {
      for (const double rate : {0.5, 0.499, 0.3, 0.1}) {
        for (const std::optional<double> confidence : {std::optional<double>(), {0.5}, {0.95}}) {
          const auto rank = AcceptanceRank(parts, {.reject_rate = rate, .confidence = confidence, .rules = rules});
          if (!rank.ok()) continue;
          ASSERT_GE(2 * *rank, parts + 1) << parts << " parts, rate " << rate;
          ASSERT_GT(*rank, 1);
        }
      }
    }
  }
}

// ---- the guarantees themselves, on a skewed distribution whose true rejection share is known -----------------------

// Share of good parts above `threshold` when scores are u^8, u uniform.
double TrueShareAbove(double threshold) { return 1 - std::pow(threshold, 1.0 / 8); }

std::vector<double> DrawScores(size_t count, std::mt19937_64& generator) {
  std::uniform_real_distribution<double> uniform(0, 1);
  std::vector<double> scores;
  for (size_t i = 0; i < count; ++i) scores.push_back(std::pow(uniform(generator), 8));
  return scores;
}

TEST(GuaranteeTest, TheExpectedShareOfRejectedGoodPartsIsTheConformalOne) {
  constexpr int kTrials = 20'000;
  std::mt19937_64 generator(1);
  for (const size_t n : {size_t{19}, size_t{50}}) {
    double sum = 0;
    for (int trial = 0; trial < kTrials; ++trial) {
      sum += TrueShareAbove(AcceptanceThreshold(DrawScores(n, generator), {.reject_rate = 0.1}).value());
    }
    // floor((n + 1) / 10) / (n + 1): 2 / 20 and 5 / 51. The mean of 20,000 trials has a standard error below 0.0005.
    const double expected = std::floor(static_cast<double>(n + 1) / 10) / static_cast<double>(n + 1);
    EXPECT_NEAR(sum / kTrials, expected, 0.002) << n;
    EXPECT_LE(expected, 0.1);
  }
}

TEST(GuaranteeTest, TheToleranceBoundHoldsWithItsConfidenceAndTheNextRankWouldNot) {
  constexpr int kTrials = 20'000;
  constexpr double kRate = 0.1;
  constexpr double kConfidence = 0.9;
  const auto rank = static_cast<size_t>(Rank(60, kRate, kConfidence));
  std::mt19937_64 generator(2);
  int kept = 0;
  int kept_by_next = 0;
  for (int trial = 0; trial < kTrials; ++trial) {
    std::vector<double> scores = DrawScores(60, generator);
    std::sort(scores.begin(), scores.end());
    kept += TrueShareAbove(scores[rank - 1]) <= kRate ? 1 : 0;
    kept_by_next += TrueShareAbove(scores[rank - 2]) <= kRate ? 1 : 0;
  }
  EXPECT_GE(kept, kConfidence * kTrials);
  EXPECT_LT(kept_by_next, kConfidence * kTrials);
}

}  // namespace
}  // namespace bayespfl
