// What a result means to a line: rules look at numbers of the result, each with two lines drawn on its number, and the
// worst of what they say is the verdict. docs/verdicts.md says what is promised.
//
//   Decision decision = Decide({.score = 0.71F, .map_score = 0.4F}, thresholds);
//   if (decision.verdict == Verdict::kFail) Reject(part, RuleName(*decision.rule));
#ifndef BAYESPFL_MODEL_VERDICT_VERDICT_H_
#define BAYESPFL_MODEL_VERDICT_VERDICT_H_

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace bayespfl {

enum class Verdict {
  kNone,    // there are no lines: nobody said what is good
  kPass,    // every rule is at or below its review line
  kReview,  // some rule is above its review line, none above its fail line
  kFail,    // some rule is above its fail line
};

// A number of a result that lines are drawn on.
enum class DecisionRule {
  kScore,       // Measurements::score
  kMapScore,    // Measurements::map_score
  kRegionArea,  // Measurements::largest_region_fraction
};
inline constexpr std::array<DecisionRule, 3> kDecisionRules = {DecisionRule::kScore, DecisionRule::kMapScore,
                                                               DecisionRule::kRegionArea};

// "PASS", "REVIEW", "FAIL"; "NONE". As people read it and as the result log writes it.
absl::string_view VerdictName(Verdict verdict);
std::optional<Verdict> VerdictOfName(absl::string_view name);

// "score", "map_score", "region_area".
absl::string_view RuleName(DecisionRule rule);
std::optional<DecisionRule> RuleOfName(absl::string_view name);

// A value that is equal to a line is not above it.
struct DecisionLine {
  DecisionRule rule = DecisionRule::kScore;
  float review = 1;  // above it: REVIEW at least; 0..1, <= fail
  float fail = 1;    // above it: FAIL; 0..1

  friend bool operator==(const DecisionLine&, const DecisionLine&) = default;
};

enum class ThresholdSource {
  kDefault,   // nobody: the mask threshold is 0.5, and there are no lines
  kPackage,   // the model package: a mask threshold, no lines
  kCategory,  // the category's calibration
};

// "default", "package", "category".
absl::string_view ThresholdSourceName(ThresholdSource source);
std::optional<ThresholdSource> ThresholdSourceOfName(absl::string_view name);

inline constexpr float kDefaultMaskThreshold = 0.5F;

struct Thresholds {
  ThresholdSource source = ThresholdSource::kDefault;
  std::string revision = {};             // changes with every threshold; empty: not a category's
  float mask = kDefaultMaskThreshold;    // on the smoothed map, 0..1: the mask is map >= mask
  double min_region_fraction = 0;        // share of the picture, 0..1; smaller regions do not count
  std::vector<DecisionLine> lines = {};  // each rule at most once, in the order in which they are named as the reason

  friend bool operator==(const Thresholds&, const Thresholds&) = default;
};

// The numbers that rules look at.
struct Measurements {
  float score = 0;                     // 0..1
  float map_score = 0;                 // 0..1
  double largest_region_fraction = 0;  // 0..1, share of the picture, by the thresholds' own mask and smallest region
};

// The number that the rule looks at.
double ValueOf(DecisionRule rule, const Measurements& measured);

struct Decision {
  Verdict verdict = Verdict::kNone;
  std::optional<DecisionRule> rule =
      std::nullopt;  // that decided: the first line with that verdict; only of REVIEW, FAIL
};

// Thread-safe, as everything here. A number that is not a number is above every line.
Decision Decide(const Measurements& measured, const Thresholds& thresholds);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_VERDICT_VERDICT_H_
