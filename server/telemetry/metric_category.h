// The categories that have a metric of their own. Clients may name any category, so only those that the operator lists
// become labels; all others are counted together.
#ifndef BAYESPFL_SERVER_TELEMETRY_METRIC_CATEGORY_H_
#define BAYESPFL_SERVER_TELEMETRY_METRIC_CATEGORY_H_

#include <cstddef>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace bayespfl::server {

// Each category is a histogram of about twenty series.
inline constexpr size_t kMaxMetricCategories = 32;

// The label of the categories that are not listed.
inline constexpr absl::string_view kOtherCategory = "other";

// The form in which categories are compared: ASCII letters in lower case, underscores and runs of white space as one
// space ("Metal_Nut " and "metal  nut" are "metal nut"). Names that a model package gives its categories are not looked
// at, because they differ from model to model.
std::string MetricCategory(absl::string_view category);

// The categories of a list that is separated by commas, in MetricCategory()'s form. InvalidArgument, about the setting
// metric_categories: more than kMaxMetricCategories, one twice, one that is kOtherCategory, or a name that is not
// printable ASCII (what a label may hold without making the whole page unreadable).
absl::StatusOr<std::vector<std::string>> ParseMetricCategories(absl::string_view list);

// The labels that categories can have. Immutable; safe from many threads.
class MetricCategories {
 public:
  // `listed` is in MetricCategory()'s form.
  explicit MetricCategories(std::vector<std::string> listed);

  // Those that are listed, in their order, and kOtherCategory behind them.
  const std::vector<std::string>& labels() const { return labels_; }

  // Of labels().
  size_t IndexOf(absl::string_view category) const;
  size_t other() const { return labels_.size() - 1; }

 private:
  std::vector<std::string> labels_;
  std::unordered_map<std::string, size_t> listed_;  // indices by label
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_TELEMETRY_METRIC_CATEGORY_H_
