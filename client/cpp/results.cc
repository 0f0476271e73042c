#include "client/cpp/results.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "bayespfl/client/errors.h"

namespace bayespfl::client {
namespace {

namespace wire = inspection::v1;

int ToInt(uint32_t value) {
  return static_cast<int>(std::min(value, static_cast<uint32_t>(std::numeric_limits<int>::max())));
}

Verdict ToVerdict(wire::Verdict verdict) {
  switch (verdict) {
    case wire::VERDICT_PASS:
      return Verdict::kPass;
    case wire::VERDICT_REVIEW:
      return Verdict::kReview;
    case wire::VERDICT_FAIL:
      return Verdict::kFail;
    default:
      return Verdict::kNone;
  }
}

std::optional<DecisionRule> ToRule(wire::DecisionRule rule) {
  switch (rule) {
    case wire::DECISION_RULE_SCORE:
      return DecisionRule::kScore;
    case wire::DECISION_RULE_MAP_SCORE:
      return DecisionRule::kMapScore;
    case wire::DECISION_RULE_REGION_AREA:
      return DecisionRule::kRegionArea;
    default:
      return std::nullopt;
  }
}

ThresholdSource ToSource(wire::ThresholdSource source) {
  switch (source) {
    case wire::THRESHOLD_SOURCE_PACKAGE:
      return ThresholdSource::kPackage;
    case wire::THRESHOLD_SOURCE_CATEGORY:
      return ThresholdSource::kCategory;
    default:
      return ThresholdSource::kDefault;
  }
}

Point ToPoint(const wire::Point& point) { return {.x = point.x(), .y = point.y()}; }

Region ToRegion(const wire::Region& region) {
  const wire::Box& box = region.box();
  Region result{.box = {.x = box.x(), .y = box.y(), .width = box.width(), .height = box.height()},
                .area_fraction = region.area_fraction(),
                .area_pixels = region.area_pixels(),
                .peak = region.peak(),
                .mean = region.mean(),
                .centroid = ToPoint(region.centroid()),
                .contour = {}};
  result.contour.reserve(static_cast<size_t>(region.contour_size()));
  for (const wire::Point& point : region.contour()) result.contour.push_back(ToPoint(point));
  return result;
}

Provenance ToProvenance(const wire::Provenance& provenance) {
  return {.result_id = provenance.result_id(),
          .model = provenance.model(),
          .model_digest = provenance.model_digest(),
          .computation_digest = provenance.computation_digest(),
          .model_version = provenance.model_version(),
          .precision = provenance.precision(),
          .kernels = provenance.kernels(),
          .device = provenance.device(),
          .server_version = provenance.server_version(),
          .seed = provenance.seed(),
          .samples = ToInt(provenance.samples()),
          .picture = {.sha256 = provenance.picture_sha256()},
          .ran_alone = provenance.ran_alone()};
}

// The name in the contract without its prefix; of a newer server's reason its number.
std::string ReasonOf(const wire::PictureWarning& warning) {
  const std::string& name = wire::WarningReason_Name(warning.reason());
  if (name.empty()) return absl::StrCat(static_cast<int>(warning.reason()));
  return std::string(absl::StripPrefix(name, "WARNING_REASON_"));
}

}  // namespace

Thresholds ToThresholds(const wire::Thresholds& thresholds) {
  Thresholds result{.source = ToSource(thresholds.source()),
                    .revision = thresholds.revision(),
                    .mask = thresholds.mask(),
                    .min_region_fraction = thresholds.min_region_fraction(),
                    .lines = {}};
  for (const wire::DecisionLine& line : thresholds.lines()) {
    const std::optional<DecisionRule> rule = ToRule(line.rule());
    if (rule.has_value()) result.lines.push_back({.rule = *rule, .review = line.review(), .fail = line.fail()});
  }
  return result;
}

Inspection ToInspection(const wire::InspectResponse& response) {
  Inspection result;
  result.category = response.category();
  result.object = response.object();
  result.decision = {.verdict = ToVerdict(response.verdict()), .rule = ToRule(response.decided_by())};
  result.thresholds = ToThresholds(response.thresholds());
  result.mask_threshold = response.thresholds().mask();
  result.score = response.score();
  result.score_std = response.score_std();
  result.map_score = response.map_score();
  if (response.has_mixed_score()) result.mixed_score = response.mixed_score();
  result.mask_area_fraction = response.mask_area_fraction();
  result.largest_region_fraction = response.largest_region_fraction();
  result.frame_width = ToInt(response.frame_width());
  result.frame_height = ToInt(response.frame_height());
  for (const wire::Region& region : response.regions()) result.regions.push_back(ToRegion(region));
  if (response.has_regions_total()) result.regions_total = response.regions_total();
  result.provenance = ToProvenance(response.provenance());
  for (const wire::PictureWarning& warning : response.warnings()) {
    result.warnings.push_back({.reason = ReasonOf(warning), .message = warning.message()});
  }
  for (const wire::StageTiming& timing : response.timings()) {
    result.timings.push_back({.stage = timing.stage(), .seconds = timing.seconds()});
  }
  return result;
}

ErrorHints HintsOf(const absl::Status& status) {
  return {.reason = ErrorReasonName(ErrorReasonOf(status)), .retry_delay = RetryDelayOf(status)};
}

}  // namespace bayespfl::client
