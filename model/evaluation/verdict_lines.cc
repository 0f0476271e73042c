#include "model/evaluation/verdict_lines.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "model/evaluation/acceptance_threshold.h"

namespace bayespfl {
namespace {

constexpr int64_t kMaskFittingShare = 5;  // one in so many parts

bool Contains(const std::vector<DecisionRule>& rules, DecisionRule rule) {
  return std::find(rules.begin(), rules.end(), rule) != rules.end();
}

AcceptanceTarget TargetOfOneRule(double rate, const VerdictTargets& targets) {
  return {.reject_rate = rate, .confidence = targets.confidence, .rules = static_cast<int>(targets.rules.size())};
}

// Of the rule that has the fewest.
int64_t PartsOfEveryRule(int64_t good_parts, const std::vector<DecisionRule>& rules) {
  if (!Contains(rules, DecisionRule::kRegionArea)) return good_parts;
  return good_parts - MaskFittingParts(good_parts, rules);
}

absl::Status CheckRanges(const VerdictTargets& targets) {
  if (targets.rules.empty()) return absl::InvalidArgumentError("there is no rule to draw lines for");
  const std::set<DecisionRule> distinct(targets.rules.begin(), targets.rules.end());
  if (distinct.size() != targets.rules.size()) return absl::InvalidArgumentError("a rule is named more than once");
  const auto in_range = [](double rate) { return rate >= kLowestRejectRate && rate <= kHighestRejectRate; };
  if (!in_range(targets.fail_rate)) {
    return absl::InvalidArgumentError(absl::StrCat("the fail rate is ", targets.fail_rate, "; it must be in ",
                                                   kLowestRejectRate, "..", kHighestRejectRate));
  }
  if (!in_range(targets.review_rate) || targets.review_rate < targets.fail_rate) {
    return absl::InvalidArgumentError(absl::StrCat("the review rate is ", targets.review_rate, "; it must be in ",
                                                   targets.fail_rate, " (the fail rate)..", kHighestRejectRate));
  }
  const double confidence = targets.confidence.value_or(kLowestConfidence);
  if (confidence >= kLowestConfidence && confidence <= kHighestConfidence) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the confidence is ", confidence, "; it must be in ", kLowestConfidence, "..", kHighestConfidence));
}

// "FAIL for a share of 0.01 needs 99 (50 support 0.0197 or more)".
std::string Needs(absl::string_view verdict, double rate, int64_t good_parts, const VerdictTargets& targets) {
  const int64_t needed = FewestPictures(rate, targets);
  const std::optional<double> supported = SmallestRate(good_parts, targets);
  const std::string offer = good_parts >= needed    ? std::string("which are there")
                            : supported.has_value() ? absl::StrCat(good_parts, " support ", *supported, " or more")
                                                    : absl::StrCat(good_parts, " support none");
  return absl::StrCat(verdict, " for a share of ", rate, " needs ", needed, " (", offer, ")");
}

// The smallest float that is not below: rounding must not put the part that the line is drawn at above it.
float RoundUp(double value) {
  const auto nearest = static_cast<float>(value);
  return nearest < value ? std::nextafter(nearest, std::numeric_limits<float>::infinity()) : nearest;
}

}  // namespace

int64_t MaskFittingParts(int64_t good_parts, const std::vector<DecisionRule>& rules) {
  if (!Contains(rules, DecisionRule::kRegionArea)) return good_parts;
  return std::max<int64_t>(1, good_parts / kMaskFittingShare);
}

int64_t FewestPictures(double rate, const VerdictTargets& targets) {
  const int64_t of_each_rule = FewestGoodParts(TargetOfOneRule(rate, targets));
  int64_t pictures = of_each_rule;
  while (PartsOfEveryRule(pictures, targets.rules) < of_each_rule) ++pictures;
  return pictures;
}

std::optional<double> SmallestRate(int64_t good_parts, const VerdictTargets& targets) {
  const int64_t of_each_rule = PartsOfEveryRule(good_parts, targets.rules);
  if (of_each_rule < 1) return std::nullopt;
  const double rate = SmallestRejectRate(of_each_rule, targets.confidence, static_cast<int>(targets.rules.size()));
  if (rate > kHighestRejectRate) return std::nullopt;
  return rate;
}

absl::Status CheckTargets(int64_t good_parts, const VerdictTargets& targets) {
  if (absl::Status status = CheckRanges(targets); !status.ok()) return status;
  // The review rate is not below the fail rate and so needs no more.
  if (good_parts >= FewestPictures(targets.fail_rate, targets)) return absl::OkStatus();
  const std::string rules = absl::StrJoin(
      targets.rules, ", ", [](std::string* text, DecisionRule rule) { absl::StrAppend(text, RuleName(rule)); });
  const std::string with =
      targets.confidence.has_value() ? absl::StrCat(" with confidence ", *targets.confidence) : std::string();
  return absl::InvalidArgumentError(absl::StrCat(good_parts, " good pictures are too few for lines on ", rules, with,
                                                 ": ", Needs("FAIL", targets.fail_rate, good_parts, targets), "; ",
                                                 Needs("REVIEW or FAIL", targets.review_rate, good_parts, targets)));
}

absl::StatusOr<std::vector<DecisionLine>> DrawLines(const RuleValues& values, const VerdictTargets& targets) {
  if (absl::Status status = CheckRanges(targets); !status.ok()) return status;
  std::vector<DecisionLine> lines;
  for (const DecisionRule rule : kDecisionRules) {
    if (!Contains(targets.rules, rule)) continue;
    const std::vector<double>& measured = values.at(rule);
    const absl::StatusOr<double> fail = AcceptanceThreshold(measured, TargetOfOneRule(targets.fail_rate, targets));
    if (!fail.ok()) return fail.status();
    const absl::StatusOr<double> review = AcceptanceThreshold(measured, TargetOfOneRule(targets.review_rate, targets));
    if (!review.ok()) return review.status();
    lines.push_back({.rule = rule, .review = RoundUp(*review), .fail = RoundUp(*fail)});
  }
  return lines;
}

}  // namespace bayespfl
