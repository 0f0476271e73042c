#include "model/verdict/verdict.h"

#include <algorithm>
#include <cstddef>

namespace bayespfl {
namespace {

constexpr std::array<absl::string_view, 4> kVerdictNames = {"NONE", "PASS", "REVIEW", "FAIL"};
constexpr std::array<absl::string_view, 3> kRuleNames = {"score", "map_score", "region_area"};
constexpr std::array<absl::string_view, 3> kSourceNames = {"default", "package", "category"};

template <typename Enum, size_t kSize>
std::optional<Enum> OfName(const std::array<absl::string_view, kSize>& names, absl::string_view name) {
  const auto* const found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Enum>(found - names.begin());
}

// Not `value > line`, which a NaN would pass.
bool Above(double value, float line) { return !(value <= line); }

Verdict VerdictOf(double value, const DecisionLine& line) {
  if (Above(value, line.fail)) return Verdict::kFail;
  return Above(value, line.review) ? Verdict::kReview : Verdict::kPass;
}

}  // namespace

absl::string_view VerdictName(Verdict verdict) { return kVerdictNames[static_cast<size_t>(verdict)]; }
std::optional<Verdict> VerdictOfName(absl::string_view name) { return OfName<Verdict>(kVerdictNames, name); }

absl::string_view RuleName(DecisionRule rule) { return kRuleNames[static_cast<size_t>(rule)]; }
std::optional<DecisionRule> RuleOfName(absl::string_view name) { return OfName<DecisionRule>(kRuleNames, name); }

absl::string_view ThresholdSourceName(ThresholdSource source) { return kSourceNames[static_cast<size_t>(source)]; }
std::optional<ThresholdSource> ThresholdSourceOfName(absl::string_view name) {
  return OfName<ThresholdSource>(kSourceNames, name);
}

double ValueOf(DecisionRule rule, const Measurements& measured) {
  switch (rule) {
    case DecisionRule::kScore:
      return measured.score;
    case DecisionRule::kMapScore:
      return measured.map_score;
    case DecisionRule::kRegionArea:
      break;
  }
  return measured.largest_region_fraction;
}

Decision Decide(const Measurements& measured, const Thresholds& thresholds) {
  Decision decision;
  for (const DecisionLine& line : thresholds.lines) {
    const Verdict verdict = VerdictOf(ValueOf(line.rule, measured), line);
    if (verdict <= decision.verdict) continue;
    decision = {.verdict = verdict, .rule = std::nullopt};
    if (verdict != Verdict::kPass) decision.rule = line.rule;
  }
  return decision;
}

}  // namespace bayespfl
