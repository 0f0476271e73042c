#include "model/evaluation/acceptance_threshold.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace bayespfl {
namespace {

absl::Status CheckTarget(const AcceptanceTarget& target) {
  if (!(target.reject_rate >= kLowestRejectRate && target.reject_rate <= kHighestRejectRate)) {
    return absl::InvalidArgumentError(absl::StrCat("the reject rate is ", target.reject_rate, "; it must be in ",
                                                   kLowestRejectRate, "..", kHighestRejectRate));
  }
  const double confidence = target.confidence.value_or(kLowestConfidence);
  if (!(confidence >= kLowestConfidence && confidence <= kHighestConfidence)) {
    return absl::InvalidArgumentError(absl::StrCat("the confidence is ", confidence, "; it must be in ",
                                                   kLowestConfidence, "..", kHighestConfidence));
  }
  return absl::OkStatus();
}

// The largest k with k * rules / count <= share, where the quotient is rounded to double as `share` was when it was
// read: 0.29 of 100 are 29, though the product of the two doubles is below 29.
int64_t LargestShare(int64_t count, double share, int rules) {
  const auto allowed = [&](int64_t k) { return static_cast<double>(k * rules) / static_cast<double>(count) <= share; };
  auto k = static_cast<int64_t>(static_cast<double>(count) * share / rules);
  while (k < count && allowed(k + 1)) ++k;
  while (k > 0 && !allowed(k)) --k;
  return k;
}

// The rule's part of the risk that the target is missed.
double Risk(double confidence, int rules) { return (1 - confidence) / rules; }

// How many of n calibration values may lie above the threshold; -1: the bound cannot be met. The binomial distribution
// is summed from its left end, in logarithms of its terms because (1 - a)^n may be below the smallest double.
int64_t ToleranceExceedances(int64_t n, double a, double risk) {
  const double log_odds = std::log(a) - std::log1p(-a);
  double log_term = static_cast<double>(n) * std::log1p(-a);  // P(Binomial(n, a) = 0)
  double sum = 0;
  for (int64_t above = 0; above < n; ++above) {
    sum += std::exp(log_term);
    if (sum > risk) return above - 1;
    log_term += std::log(static_cast<double>(n - above) / static_cast<double>(above + 1)) + log_odds;
  }
  return n - 1;
}

double RoundUp(double value) {
  const double scale = std::pow(10.0, 2 - std::floor(std::log10(value)));
  return std::ceil(value * scale) / scale;
}

}  // namespace

absl::StatusOr<int64_t> AcceptanceRank(int64_t good_parts, const AcceptanceTarget& target) {
  if (absl::Status status = CheckTarget(target); !status.ok()) return status;
  if (good_parts < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("there are no good parts; ", FewestGoodParts(target), " are needed"));
  }
  const int64_t rank = target.confidence.has_value()
                           ? good_parts - ToleranceExceedances(good_parts, target.reject_rate / target.rules,
                                                               Risk(*target.confidence, target.rules))
                           : good_parts + 1 - LargestShare(good_parts + 1, target.reject_rate, target.rules);
  if (rank <= good_parts) return rank;
  const std::string with =
      target.confidence.has_value() ? absl::StrCat(" with confidence ", *target.confidence) : std::string();
  const double supported = SmallestRejectRate(good_parts, target.confidence, target.rules);
  const std::string offer = supported <= kHighestRejectRate
                                ? absl::StrCat(good_parts, " support a rate of ", supported, " or more")
                                : absl::StrCat(good_parts, " support none");
  return absl::InvalidArgumentError(absl::StrCat("a reject rate of ", target.reject_rate, with, " needs ",
                                                 FewestGoodParts(target), " good parts; ", offer));
}

absl::StatusOr<double> AcceptanceThreshold(std::vector<double> values, const AcceptanceTarget& target) {
  const absl::StatusOr<int64_t> rank = AcceptanceRank(static_cast<int64_t>(values.size()), target);
  if (!rank.ok()) return rank.status();
  const auto nth = values.begin() + static_cast<ptrdiff_t>(*rank - 1);
  std::nth_element(values.begin(), nth, values.end());
  return *nth;
}

int64_t FewestGoodParts(const AcceptanceTarget& target) {
  const double a = target.reject_rate / target.rules;
  // Close from below, then exact: the logarithms and the division round.
  if (target.confidence.has_value()) {
    const double risk = Risk(*target.confidence, target.rules);
    auto n = std::max<int64_t>(1, static_cast<int64_t>(std::log(risk) / std::log1p(-a)) - 1);
    while (ToleranceExceedances(n, a, risk) < 0) ++n;
    return n;
  }
  auto n = std::max<int64_t>(1, static_cast<int64_t>(1 / a) - 2);
  while (LargestShare(n + 1, target.reject_rate, target.rules) < 1) ++n;
  return n;
}

double SmallestRejectRate(int64_t good_parts, std::optional<double> confidence, int rules) {
  const auto n = static_cast<double>(good_parts);
  return RoundUp(confidence.has_value() ? -rules * std::expm1(std::log(Risk(*confidence, rules)) / n)
                                        : rules / (n + 1));
}

}  // namespace bayespfl
