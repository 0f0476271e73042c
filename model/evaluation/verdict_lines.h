// From what good parts measured to the lines of a category's verdict, with a guarantee on verdicts.
//
//   VerdictTargets targets{.rules = {DecisionRule::kScore, DecisionRule::kMapScore}};
//   absl::Status enough = CheckTargets(pictures, targets);
//   absl::StatusOr<std::vector<DecisionLine>> lines = DrawLines(values, targets);
//
// A part gets FAIL when any of K rules is above its fail line. Each rule's fail line is drawn for a K-th of the share
// of good parts that may get FAIL, and of the risk where there is a confidence (acceptance_threshold.h), so the share
// of the verdict is at most the stated one, however the rules hang together. Likewise REVIEW or FAIL, and the review
// lines. With rules that hang together the true shares are below the stated ones; that is the price of not having to
// know how. The two promises hold each for itself; a confidence is that of each.
//
// The rule kRegionArea looks at areas in the mask, whose threshold is fitted on good pictures too. On the very pictures
// that it is fitted on, areas are smaller than on the next ones, and not exchangeable with theirs. So where this rule
// is used, a fifth of the good pictures (MaskFittingParts()) fits the mask threshold and nothing else of this rule; its
// lines are drawn on the other pictures' areas. Given the threshold, those and the next part's area are exchangeable,
// which is all that the guarantee needs. Which pictures are the fifth must not depend on what they measure: the caller
// takes those whose SHA-256 come first. (The other rules do not know the mask threshold: their lines are drawn on all
// pictures.)
//
// Pure arithmetic; all functions are thread-safe.
#ifndef BAYESPFL_MODEL_EVALUATION_VERDICT_LINES_H_
#define BAYESPFL_MODEL_EVALUATION_VERDICT_LINES_H_

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/verdict/verdict.h"

namespace bayespfl {

struct VerdictTargets {
  std::vector<DecisionRule> rules = {DecisionRule::kScore};  // each once, at least one, in any order
  double fail_rate = 0.01;                                   // largest share of good parts that gets FAIL; 1e-6..0.5
  double review_rate = 0.05;  // largest share of good parts that gets REVIEW or FAIL; fail_rate..0.5
  std::optional<double> confidence = std::nullopt;  // 0.5..0.999999, as in AcceptanceTarget
};

// One value per good part that the rule's lines are drawn on.
using RuleValues = std::map<DecisionRule, std::vector<double>>;

// How many of the good parts fit the mask threshold: all of them, or with kRegionArea a fifth, rounded down, at least
// one.
int64_t MaskFittingParts(int64_t good_parts, const std::vector<DecisionRule>& rules);

// Smallest number of good parts with which a share `rate` (either of the two) can be promised. Requires valid targets.
int64_t FewestPictures(double rate, const VerdictTargets& targets);

// Smallest share that `good_parts` can promise, rounded up to three significant digits; nullopt: none up to 0.5.
std::optional<double> SmallestRate(int64_t good_parts, const VerdictTargets& targets);

// Whether so many good parts are enough. InvalidArgument: a target that is out of its range, or too few parts; then the
// message says of either verdict how many it needs and which share the given number supports.
absl::Status CheckTargets(int64_t good_parts, const VerdictTargets& targets);

// The lines, in the order of kDecisionRules; review <= fail. Requires values of every rule of the targets, none of them
// NaN: of kRegionArea of the parts that did not fit the mask threshold, of the others of all. InvalidArgument as
// CheckTargets().
absl::StatusOr<std::vector<DecisionLine>> DrawLines(const RuleValues& values, const VerdictTargets& targets);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_EVALUATION_VERDICT_LINES_H_
