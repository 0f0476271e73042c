#include "model/evaluation/reference_scores.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <functional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "model/evaluation/require.h"

namespace bayespfl {
namespace {

constexpr std::array<absl::string_view, 7> kSmallDefects = {"capsules", "macaroni1", "macaroni2", "pipe_fryum",
                                                            "screw",    "cashew",    "chewinggum"};
constexpr int64_t kSmallDefectPixels = 20;
constexpr int64_t kDefectPixels = 2000;
constexpr double kMinMaxEpsilon = 1e-8;

}  // namespace

int64_t ReferenceTopK(absl::string_view category) {
  const bool small = std::find(kSmallDefects.begin(), kSmallDefects.end(), category) != kSmallDefects.end();
  return small ? kSmallDefectPixels : kDefectPixels;
}

absl::StatusOr<double> TopKMean(const PixelMap& map, int64_t k) {
  if (k < 1) return absl::InvalidArgumentError(absl::StrCat("the mean of the top ", k, " pixels is not defined"));
  if (static_cast<int64_t>(map.values.size()) < k) {
    return absl::InvalidArgumentError(
        absl::StrCat("a map of ", map.width, "x", map.height, " has fewer than the ", k, " pixels of its top-k mean"));
  }
  // NaN has no order: it would leave the selection undefined.
  if (std::any_of(map.values.begin(), map.values.end(), [](float value) { return std::isnan(value); })) {
    return absl::InvalidArgumentError("the anomaly map holds NaN");
  }
  std::vector<float> values = map.values;
  const auto top = values.begin() + static_cast<ptrdiff_t>(k);
  std::nth_element(values.begin(), top - 1, values.end(), std::greater<>());
  double sum = 0;
  for (auto value = values.begin(); value != top; ++value) sum += *value;
  return sum / static_cast<double>(k);
}

std::vector<double> MinMax(absl::Span<const double> x) {
  std::vector<double> scaled;
  if (x.empty()) return scaled;
  const auto [min, max] = std::minmax_element(x.begin(), x.end());
  scaled.reserve(x.size());
  for (const double value : x) scaled.push_back((value - *min) / (*max - *min + kMinMaxEpsilon));
  return scaled;
}

std::vector<double> FinalImageScores(absl::Span<const double> text_scores, absl::Span<const double> topk_means) {
  Require(text_scores.size() == topk_means.size(),
          absl::StrCat("FinalImageScores: ", text_scores.size(), " text scores but ", topk_means.size(), " means"));
  std::vector<double> scores = MinMax(text_scores);
  const std::vector<double> means = MinMax(topk_means);
  for (size_t i = 0; i < scores.size(); ++i) scores[i] = 0.5 * scores[i] + 0.5 * means[i];
  return scores;
}

std::optional<ReferenceImageNumbers> ReferenceImageTable(const RankingMetrics& metrics) {
  if (!metrics.average_precision.has_value() || !metrics.f1_max.has_value()) return std::nullopt;
  if (!metrics.auroc.has_value()) return ReferenceImageNumbers{};
  return ReferenceImageNumbers{*metrics.auroc, *metrics.average_precision, *metrics.f1_max};
}

}  // namespace bayespfl
