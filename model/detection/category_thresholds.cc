#include "model/detection/category_thresholds.h"

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "model/detection/category_reader.h"
#include "model/package/calibration.h"

namespace bayespfl {

absl::StatusOr<CategoryThresholdTable> CategoryThresholdTable::Create(std::optional<float> mask_threshold,
                                                                      const std::optional<Calibration>& calibration,
                                                                      const CategoryReader& reader) {
  CategoryThresholdTable table;
  if (mask_threshold.has_value()) table.usual_ = {.mask = *mask_threshold, .calibrated = true};
  if (!calibration.has_value()) return table;
  for (const auto& [key, category] : calibration->categories) {
    const absl::StatusOr<std::string> cleaned = reader.KeyOf(key);
    if (!cleaned.ok()) return cleaned.status();
    if (*cleaned != key) {
      return absl::InvalidArgumentError(absl::StrCat("calibration: no category has the key \"", absl::CHexEscape(key),
                                                     "\"; the model reads it as \"", absl::CHexEscape(*cleaned), "\""));
    }
    table.by_key_[key] = {.mask = category.mask_threshold, .calibrated = true, .score = category.score_threshold};
    table.calibrated_.push_back({.category = key,
                                 .mask_threshold = category.mask_threshold,
                                 .score_threshold = category.score_threshold,
                                 .good_pictures = category.provenance.good_pictures});
  }
  return table;
}

CategoryThresholds CategoryThresholdTable::Of(const std::string& key) const {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? usual_ : found->second;
}

}  // namespace bayespfl
