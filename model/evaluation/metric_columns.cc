#include "model/evaluation/metric_columns.h"

#include <array>
#include <charconv>
#include <system_error>

#include "absl/strings/str_format.h"
#include "model/evaluation/reference_scores.h"

namespace bayespfl {
namespace {

using Category = const CategoryResult&;
using Number = std::optional<double>;

Number ReferenceImage(Category category, double ReferenceImageNumbers::* number) {
  if (!category.reference.image_numbers.has_value()) return std::nullopt;
  return (*category.reference.image_numbers).*number;
}

constexpr std::array kReferenceColumns = {
    MetricColumn{"image_auroc", "Image", "AUROC",
                 [](Category c) { return ReferenceImage(c, &ReferenceImageNumbers::auroc); }},
    MetricColumn{"image_ap", "Image", "AP",
                 [](Category c) { return ReferenceImage(c, &ReferenceImageNumbers::average_precision); }},
    MetricColumn{"image_f1_max", "Image", "F1-max",
                 [](Category c) { return ReferenceImage(c, &ReferenceImageNumbers::f1_max); }},
    MetricColumn{"pixel_auroc", "Pixel", "AUROC", [](Category c) -> Number { return c.reference.pixel.ranking.auroc; }},
    MetricColumn{"pixel_ap", "Pixel", "AP",
                 [](Category c) -> Number { return c.reference.pixel.ranking.average_precision; }},
    MetricColumn{"pixel_f1_max", "Pixel", "F1-max",
                 [](Category c) -> Number { return c.reference.pixel.ranking.f1_max; }},
    MetricColumn{"pixel_iou", "Pixel", "IoU", [](Category c) -> Number { return c.reference.pixel.iou; }},
    MetricColumn{"pixel_aupro", "Pixel", "AUPRO", [](Category c) -> Number { return c.reference.pixel.aupro; }},
};

constexpr std::array kServerColumns = {
    MetricColumn{"score_auroc", "score", "AUROC", [](Category c) -> Number { return c.server.by_score.auroc; }},
    MetricColumn{"score_ap", "score", "AP", [](Category c) -> Number { return c.server.by_score.average_precision; }},
    MetricColumn{"score_f1_max", "score", "F1-max", [](Category c) -> Number { return c.server.by_score.f1_max; }},
    MetricColumn{"map_score_auroc", "map_score", "AUROC",
                 [](Category c) -> Number { return c.server.by_map_score.auroc; }},
    MetricColumn{"map_score_ap", "map_score", "AP",
                 [](Category c) -> Number { return c.server.by_map_score.average_precision; }},
    MetricColumn{"map_score_f1_max", "map_score", "F1-max",
                 [](Category c) -> Number { return c.server.by_map_score.f1_max; }},
    MetricColumn{"pixel_auroc", "Pixel", "AUROC", [](Category c) -> Number { return c.server.pixel.ranking.auroc; }},
    MetricColumn{"pixel_ap", "Pixel", "AP",
                 [](Category c) -> Number { return c.server.pixel.ranking.average_precision; }},
    MetricColumn{"pixel_f1_max", "Pixel", "F1-max", [](Category c) -> Number { return c.server.pixel.ranking.f1_max; }},
    MetricColumn{"pixel_iou", "Pixel", "IoU", [](Category c) -> Number { return c.server.pixel.iou; }},
    MetricColumn{"pixel_aupro", "Pixel", "AUPRO", [](Category c) -> Number { return c.server.pixel.aupro; }},
    MetricColumn{"mask_precision", "Mask", "Precision",
                 [](Category c) -> Number { return c.server.at_threshold.precision; }},
    MetricColumn{"mask_recall", "Mask", "Recall", [](Category c) -> Number { return c.server.at_threshold.recall; }},
    MetricColumn{"mask_iou", "Mask", "IoU", [](Category c) -> Number { return c.server.at_threshold.iou; }},
};

// Shares of the pictures of one class; none: the category has no lines, or no picture of the class.
Number ShareOf(int64_t VerdictCounts::* verdict, const VerdictCounts& counts) {
  if (counts.total() == 0) return std::nullopt;
  return static_cast<double>(counts.*verdict) / static_cast<double>(counts.total());
}

constexpr std::array kVerdictColumns = {
    MetricColumn{"overkill", "Good parts", "FAIL (overkill)",
                 [](Category c) { return ShareOf(&VerdictCounts::fail, c.server.normal); }},
    MetricColumn{"normal_review", "Good parts", "REVIEW",
                 [](Category c) { return ShareOf(&VerdictCounts::review, c.server.normal); }},
    MetricColumn{"escape", "Defective parts", "PASS (escape)",
                 [](Category c) { return ShareOf(&VerdictCounts::pass, c.server.anomalous); }},
    MetricColumn{"anomalous_review", "Defective parts", "REVIEW",
                 [](Category c) { return ShareOf(&VerdictCounts::review, c.server.anomalous); }},
};

}  // namespace

absl::Span<const MetricTable> MetricTables() {
  static constexpr std::array kTables = {
      MetricTable{"reference", "Reference scoring", kReferenceColumns},
      MetricTable{"server", "Server scores", kServerColumns},
      MetricTable{"verdicts", "Verdicts", kVerdictColumns},
  };
  return kTables;
}

std::optional<double> MeanOf(const MetricColumn& column, absl::Span<const CategoryResult> categories) {
  double sum = 0;
  int count = 0;
  for (const CategoryResult& category : categories) {
    if (const std::optional<double> value = column.value(category); value.has_value()) {
      sum += *value;
      ++count;
    }
  }
  if (count == 0) return std::nullopt;
  return sum / count;
}

std::string Percent(std::optional<double> value) {
  return value.has_value() ? absl::StrFormat("%.2f", 100 * *value) : "\xE2\x80\x93";
}

std::string FullPrecision(std::optional<double> value) {
  if (!value.has_value()) return "";
  std::array<char, 32> digits{};
  const std::to_chars_result written = std::to_chars(digits.data(), digits.data() + digits.size(), *value);
  return {digits.data(), written.ptr};
}

}  // namespace bayespfl
