#include "model/verdict/categories.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/utf8.h"

namespace bayespfl {
namespace {

// As the reference stretches scores; keeps the quotient finite where all good parts are alike.
constexpr double kRangeEpsilon = 1e-8;

double Stretch(const Range& range, float value) {
  return (double{value} - range.low) / (double{range.high} - range.low + kRangeEpsilon);
}

}  // namespace

absl::StatusOr<std::string> CategoryKey(absl::string_view category, absl::string_view field) {
  const absl::string_view key = absl::StripAsciiWhitespace(category);
  if (key.empty()) return absl::InvalidArgumentError(absl::StrCat(field, " is empty"));
  if (key.size() > kMaxCategoryBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(field, " has ", key.size(), " bytes; the limit is ", kMaxCategoryBytes));
  }
  if (!IsUtf8(key)) return absl::InvalidArgumentError(absl::StrCat(field, " is not valid UTF-8"));
  return std::string(key);
}

float MixedScore(const ScoreRanges& ranges, float score, float map_score) {
  return static_cast<float>(0.5 * Stretch(ranges.score, score) + 0.5 * Stretch(ranges.map_score, map_score));
}

CategoryTable::CategoryTable(Thresholds fallback, std::map<std::string, CategoryDefaults> calibrated)
    : fallback_(std::move(fallback)), calibrated_(std::move(calibrated)) {}

CategorySetting CategoryTable::Resolve(const CategoryRequest& request) const {
  const auto entry = calibrated_.find(request.category);
  if (entry == calibrated_.end() || request.object.value_or(entry->second.object) != entry->second.object) {
    return {.object = request.object.value_or(request.category),
            .seed = request.seed.value_or(0),
            .samples = request.samples.value_or(0),
            .thresholds = fallback_};
  }
  const CategoryDefaults& defaults = entry->second;
  return {.object = defaults.object,
          .seed = request.seed.value_or(defaults.seed),
          .samples = request.samples.value_or(defaults.samples),
          .thresholds = defaults.thresholds,
          .ranges = defaults.ranges,
          .apply_orientation = defaults.apply_orientation};
}

}  // namespace bayespfl
