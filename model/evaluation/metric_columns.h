// The numbers of an evaluation as a table: what every report shows, in one place and one order.
#ifndef BAYESPFL_MODEL_EVALUATION_METRIC_COLUMNS_H_
#define BAYESPFL_MODEL_EVALUATION_METRIC_COLUMNS_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "model/evaluation/evaluation.h"

namespace bayespfl {

struct MetricColumn {
  absl::string_view key;    // "image_auroc", unique in its table; for machines
  absl::string_view group;  // "Image"; neighbours of one group share a heading
  absl::string_view title;  // "AUROC"
  // 0..1; nullopt: undefined for this category.
  std::optional<double> (*value)(const CategoryResult& category);
};

struct MetricTable {
  absl::string_view key;    // "reference", "server", "verdicts"
  absl::string_view title;  // a heading
  absl::Span<const MetricColumn> columns;
};

// All tables, reference first, verdicts last.
absl::Span<const MetricTable> MetricTables();

// Mean over the categories that have the number; nullopt: none has.
std::optional<double> MeanOf(const MetricColumn& column, absl::Span<const CategoryResult> categories);

// "97.53" for 0.97528; "–" for no number.
std::string Percent(std::optional<double> value);

// The shortest decimal that reads back as the same double ("0.975"); empty for no number.
std::string FullPrecision(std::optional<double> value);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_EVALUATION_METRIC_COLUMNS_H_
