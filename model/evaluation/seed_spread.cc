#include "model/evaluation/seed_spread.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "model/evaluation/metric_columns.h"

namespace bayespfl {
namespace {

std::optional<SpreadNumber> Spread(const std::vector<std::optional<double>>& values) {
  double sum = 0;
  for (const std::optional<double>& value : values) {
    if (!value.has_value()) return std::nullopt;
    sum += *value;
  }
  const auto count = static_cast<double>(values.size());
  const double mean = sum / count;
  double squares = 0;
  for (const std::optional<double>& value : values) squares += (*value - mean) * (*value - mean);
  return SpreadNumber{.mean = mean, .deviation = std::sqrt(squares / (count - 1))};
}

// One row of all tables; `value` gives a column's number of one run.
template <typename Value>
SpreadRow Row(std::string name, absl::Span<const Evaluation> runs, Value value) {
  SpreadRow row{.name = std::move(name)};
  for (const MetricTable& table : MetricTables()) {
    std::vector<std::optional<SpreadNumber>>& numbers = row.numbers.emplace_back();
    for (const MetricColumn& column : table.columns) {
      std::vector<std::optional<double>> values;
      for (const Evaluation& run : runs) values.push_back(value(column, run));
      numbers.push_back(Spread(values));
    }
  }
  return row;
}

// A run lacks a category when files that the others read could not be read any more.
std::optional<double> NumberOf(const MetricColumn& column, const std::string& category, const Evaluation& run) {
  const auto found = std::find_if(run.categories.begin(), run.categories.end(),
                                  [&](const CategoryResult& result) { return result.name == category; });
  return found == run.categories.end() ? std::nullopt : column.value(*found);
}

}  // namespace

SeedSpread SpreadOver(absl::Span<const Evaluation> runs) {
  SeedSpread spread;
  for (const Evaluation& run : runs) spread.seeds.push_back(run.setting.seed.value_or(0));
  for (const CategoryResult& category : runs.front().categories) {
    spread.categories.push_back(
        Row(category.name, runs, [&category](const MetricColumn& column, const Evaluation& run) {
          return NumberOf(column, category.name, run);
        }));
  }
  spread.mean = Row("mean", runs,
                    [](const MetricColumn& column, const Evaluation& run) { return MeanOf(column, run.categories); });
  return spread;
}

std::string SpreadText(const std::optional<SpreadNumber>& number) {
  if (!number.has_value()) return Percent(std::nullopt);
  return absl::StrFormat("%.2f \xC2\xB1 %.2f", 100 * number->mean, 100 * number->deviation);
}

std::string SeedList(const SeedSpread& spread) { return absl::StrJoin(spread.seeds, ", "); }

}  // namespace bayespfl
