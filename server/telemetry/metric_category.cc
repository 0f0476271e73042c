#include "server/telemetry/metric_category.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace bayespfl::server {

std::string MetricCategory(absl::string_view category) {
  std::string key = absl::AsciiStrToLower(category);
  std::replace(key.begin(), key.end(), '_', ' ');
  absl::RemoveExtraAsciiWhitespace(&key);
  return key;
}

absl::StatusOr<std::vector<std::string>> ParseMetricCategories(absl::string_view list) {
  std::vector<std::string> categories;
  for (const absl::string_view name : absl::StrSplit(list, ',', absl::SkipWhitespace())) {
    std::string key = MetricCategory(name);
    if (!std::all_of(key.begin(), key.end(), absl::ascii_isprint)) {
      return absl::InvalidArgumentError(
          absl::StrCat("metric_categories names \"", absl::CHexEscape(name), "\", which is not printable ASCII"));
    }
    if (key == kOtherCategory) {
      return absl::InvalidArgumentError(
          absl::StrCat("metric_categories names \"", kOtherCategory, "\", which stands for all that are not listed"));
    }
    if (std::find(categories.begin(), categories.end(), key) != categories.end()) {
      return absl::InvalidArgumentError(absl::StrCat("metric_categories names \"", key, "\" twice"));
    }
    categories.push_back(std::move(key));
  }
  if (categories.size() > kMaxMetricCategories) {
    return absl::InvalidArgumentError(absl::StrCat("metric_categories names ", categories.size(),
                                                   " categories; at most ", kMaxMetricCategories, " are allowed"));
  }
  return categories;
}

MetricCategories::MetricCategories(std::vector<std::string> listed) : labels_(std::move(listed)) {
  for (size_t i = 0; i < labels_.size(); ++i) listed_[labels_[i]] = i;
  labels_.emplace_back(kOtherCategory);
}

size_t MetricCategories::IndexOf(absl::string_view category) const {
  const auto found = listed_.find(MetricCategory(category));
  return found == listed_.end() ? other() : found->second;
}

}  // namespace bayespfl::server
