#include "model/verdict/comparison.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/shortest_decimal.h"
#include "model/package/precision.h"

namespace bayespfl {
namespace {

class Differences {
 public:
  explicit Differences(const ReplayTolerance& tolerance) : tolerance_(tolerance) {}

  // A NaN is equal to nothing and within no tolerance.
  void Score(absl::string_view name, float before, float now) {
    if (before == now) return;
    comparison_.numbers.push_back(absl::StrCat(name, " ", ShortestDecimal(before), " -> ", ShortestDecimal(now)));
    Lower(std::abs(before - now) <= tolerance_.score);
  }

  void Area(absl::string_view name, double before, double now) {
    if (before == now) return;
    comparison_.numbers.push_back(absl::StrCat(name, " ", before, " -> ", now));
    Lower(std::abs(before - now) <= tolerance_.area);
  }

  // Follows from the two scores and the category's ranges, which may stretch their tolerance to any width.
  void MixedScore(const std::optional<float>& before, const std::optional<float>& now) {
    if (before == now) return;
    const auto text = [](const std::optional<float>& score) {
      return score.has_value() ? absl::StrCat(ShortestDecimal(*score)) : std::string("none");
    };
    comparison_.numbers.push_back(absl::StrCat("mixed_score ", text(before), " -> ", text(now)));
    Lower(before.has_value() && now.has_value());
  }

  void Verdicts(Verdict before, Verdict now) {
    if (before == now) return;
    comparison_.numbers.push_back(absl::StrCat("verdict ", VerdictName(before), " -> ", VerdictName(now)));
    Lower(false);
  }

  template <typename Value>
  void Condition(absl::string_view name, const Value& before, const Value& now) {
    if (before == now) return;
    comparison_.conditions.push_back(absl::StrCat(name, " ", before, " -> ", now));
  }

  void Holds(absl::string_view what, bool same) {
    if (!same) comparison_.conditions.emplace_back(what);
  }

  Comparison Finish() && { return std::move(comparison_); }

 private:
  void Lower(bool within) {
    comparison_.agreement =
        std::max(comparison_.agreement, within ? Agreement::kWithinTolerance : Agreement::kDifferent);
  }

  const ReplayTolerance tolerance_;
  Comparison comparison_;
};

}  // namespace

ReplayTolerance ReplayToleranceOf(absl::string_view precision) {
  const Precision known = ParsePrecision(precision).value_or(Precision::kFp32);
  ReplayTolerance tolerance = {.score = static_cast<float>(ScoreTolerance(known))};
  if (known != Precision::kFp32) tolerance.area = 1e-2;
  return tolerance;
}

std::string AgreementText(Agreement agreement) {
  switch (agreement) {
    case Agreement::kEqual:
      return "equal to the bit";
    case Agreement::kWithinTolerance:
      return "within the documented tolerance";
    case Agreement::kDifferent:
      break;
  }
  return "different";
}

Comparison Compare(const Inspection& recorded, const Inspection& now) {
  Differences differences(ReplayToleranceOf(recorded.provenance.precision));
  differences.Verdicts(recorded.decision.verdict, now.decision.verdict);
  differences.Score("score", recorded.score, now.score);
  differences.Score("score_std", recorded.score_std, now.score_std);
  differences.Score("map_score", recorded.map_score, now.map_score);
  differences.MixedScore(recorded.mixed_score, now.mixed_score);
  differences.Area("mask_area_fraction", recorded.mask_area_fraction, now.mask_area_fraction);
  differences.Area("largest_region_fraction", recorded.largest_region_fraction, now.largest_region_fraction);

  const Provenance& before = recorded.provenance;
  const Provenance& after = now.provenance;
  differences.Condition("the picture's SHA-256", before.picture.sha256, after.picture.sha256);
  differences.Holds(
      "the picture's raw geometry or significant bits",
      before.picture.raw == after.picture.raw && before.picture.significant_bits == after.picture.significant_bits);
  differences.Holds("whether the picture was turned upright",
                    before.picture.apply_orientation == after.picture.apply_orientation);
  if (before.computation_digest == after.computation_digest) {
    differences.Condition("the package's digest, of its names or calibration,", before.model_digest,
                          after.model_digest);
  } else {
    differences.Condition("the model's computation digest", before.computation_digest, after.computation_digest);
  }
  differences.Condition("the object", recorded.object, now.object);
  differences.Condition("the thresholds' revision", recorded.thresholds.revision, now.thresholds.revision);
  differences.Condition("the mask threshold", recorded.mask_threshold, now.mask_threshold);
  differences.Condition("precision", before.precision, after.precision);
  differences.Condition("seed", before.seed, after.seed);
  differences.Condition("samples", before.samples, after.samples);
  differences.Condition("kernels", before.kernels, after.kernels);
  differences.Condition("device", before.device, after.device);
  differences.Condition("program version", before.server_version, after.server_version);
  differences.Holds("it ran in a batch with other frames when it was recorded", before.ran_alone);
  return std::move(differences).Finish();
}

}  // namespace bayespfl
