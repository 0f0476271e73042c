// From a number that was measured of good parts, a score say, to the line above which a part is rejected, with a
// guarantee on how many good parts that costs. Nothing is assumed about the numbers' distribution: the line is one of
// the calibration values, and only its rank is chosen.
//
// With n good parts, target share a and the sorted values s(1) <= ... <= s(n), a part is rejected when its value is
// above s(r).
//
//   Without a confidence (split conformal): r = n + 1 - floor((n + 1) a), which is ceil((n + 1)(1 - a)). When the next
//   good part and the n others are exchangeable, the probability that it is rejected is at most floor((n + 1) a) /
//   (n + 1) <= a, on average over the calibration pictures too. It needs n >= ceil(1 / a) - 1.
//   Vovk, Gammerman, Shafer: Algorithmic Learning in a Random World (2005), section 2.2; Lei et al.: Distribution-Free
//   Predictive Inference for Regression, JASA 113 (2018), theorem 2.2.
//
//   With confidence C (tolerance bound): r is the smallest rank with P(Binomial(n, a) <= n - r) <= 1 - C. When the good
//   parts are independent and alike, the true share of good parts above s(r) is at most a with probability at least C
//   over the draw of the calibration pictures. It needs n >= ln(1 - C) / ln(1 - a).
//   Wilks: Determination of Sample Sizes for Setting Tolerance Limits, Ann. Math. Stat. 12 (1941).
//
// When K rules together may reject the share a, each is given a / K of it and (1 - C) / K of the risk: the share that
// any of them rejects is at most the sum of theirs, and the probability that any of them misses its part is at most the
// sum of theirs (Boole's inequality), whatever the rules have to do with one another.
//
// Since a <= 1/2, r is at least (n + 1) / 2: with two good parts or more a line is never the smallest value. Ties only
// make both bounds safer. All functions are thread-safe.
#ifndef BAYESPFL_MODEL_EVALUATION_ACCEPTANCE_THRESHOLD_H_
#define BAYESPFL_MODEL_EVALUATION_ACCEPTANCE_THRESHOLD_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"

namespace bayespfl {

inline constexpr double kLowestRejectRate = 1e-6;
inline constexpr double kHighestRejectRate = 0.5;
inline constexpr double kLowestConfidence = 0.5;
inline constexpr double kHighestConfidence = 0.999999;

struct AcceptanceTarget {
  double reject_rate = 0.01;                        // a, the largest share of good parts to reject; 1e-6..0.5
  std::optional<double> confidence = std::nullopt;  // C, 0.5..0.999999; absent: a holds for the expected share
  int rules = 1;                                    // K >= 1, this one among them
};

// r, 1..good_parts. InvalidArgument: the target is out of range, or `good_parts` is too small for it; the message says
// how many are needed and which rate the given number supports.
absl::StatusOr<int64_t> AcceptanceRank(int64_t good_parts, const AcceptanceTarget& target);

// s(r) of `values` (any order). Errors as AcceptanceRank().
absl::StatusOr<double> AcceptanceThreshold(std::vector<double> values, const AcceptanceTarget& target);

// Smallest n with a rank. Requires a target within its ranges.
int64_t FewestGoodParts(const AcceptanceTarget& target);

// Smallest a that has a rank, rounded up to three significant digits. Requires good_parts >= 1 and a confidence within
// its range. May be above kHighestRejectRate.
double SmallestRejectRate(int64_t good_parts, std::optional<double> confidence, int rules = 1);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_EVALUATION_ACCEPTANCE_THRESHOLD_H_
