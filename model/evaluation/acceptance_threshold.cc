#include "model/evaluation/acceptance_threshold.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace bayespfl {
namespace {

constexpr double kLowestRejectRate = 1e-6;
constexpr double kHighestRejectRate = 0.5;
constexpr double kLowestConfidence = 0.5;
constexpr double kHighestConfidence = 0.999999;

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

// The largest k with k / count <= share, where the quotient is rounded to double as `share` was when it was read: 0.29
// of 100 are 29, though the product of the two doubles is below 29.
int64_t LargestShare(int64_t count, double share) {
  const auto allowed = [&](int64_t k) { return static_cast<double>(k) / static_cast<double>(count) <= share; };
  auto k = static_cast<int64_t>(static_cast<double>(count) * share);
  while (k < count && allowed(k + 1)) ++k;
  while (k > 0 && !allowed(k)) --k;
  return k;
}

// How many of n calibration scores may lie above the threshold; -1: the bound cannot be met. The binomial distribution
// is summed from its left end, in logarithms of its terms because (1 - a)^n may be below the smallest double.
int64_t ToleranceExceedances(int64_t n, double a, double confidence) {
  const double log_odds = std::log(a) - std::log1p(-a);
  double log_term = static_cast<double>(n) * std::log1p(-a);  // P(Binomial(n, a) = 0)
  double sum = 0;
  for (int64_t above = 0; above < n; ++above) {
    sum += std::exp(log_term);
    if (sum > 1 - confidence) return above - 1;
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
                           ? good_parts - ToleranceExceedances(good_parts, target.reject_rate, *target.confidence)
                           : good_parts + 1 - LargestShare(good_parts + 1, target.reject_rate);
  if (rank <= good_parts) return rank;
  const std::string with =
      target.confidence.has_value() ? absl::StrCat(" with confidence ", *target.confidence) : std::string();
  const double supported = SmallestRejectRate(good_parts, target.confidence);
  const std::string offer = supported <= kHighestRejectRate
                                ? absl::StrCat(good_parts, " support a rate of ", supported, " or more")
                                : absl::StrCat(good_parts, " support none");
  return absl::InvalidArgumentError(absl::StrCat("a reject rate of ", target.reject_rate, with, " needs ",
                                                 FewestGoodParts(target), " good parts; ", offer));
}

absl::StatusOr<float> AcceptanceThreshold(std::vector<float> scores, const AcceptanceTarget& target) {
  const absl::StatusOr<int64_t> rank = AcceptanceRank(static_cast<int64_t>(scores.size()), target);
  if (!rank.ok()) return rank.status();
  const auto nth = scores.begin() + static_cast<ptrdiff_t>(*rank - 1);
  std::nth_element(scores.begin(), nth, scores.end());
  return *nth;
}

int64_t FewestGoodParts(const AcceptanceTarget& target) {
  const double a = target.reject_rate;
  // Close from below, then exact: the logarithms and the division round.
  if (target.confidence.has_value()) {
    auto n = std::max<int64_t>(1, static_cast<int64_t>(std::log1p(-*target.confidence) / std::log1p(-a)) - 1);
    while (ToleranceExceedances(n, a, *target.confidence) < 0) ++n;
    return n;
  }
  auto n = std::max<int64_t>(1, static_cast<int64_t>(1 / a) - 2);
  while (LargestShare(n + 1, a) < 1) ++n;
  return n;
}

double SmallestRejectRate(int64_t good_parts, std::optional<double> confidence) {
  const auto n = static_cast<double>(good_parts);
  return RoundUp(confidence.has_value() ? -std::expm1(std::log1p(-*confidence) / n) : 1 / (n + 1));
}

}  // namespace bayespfl
