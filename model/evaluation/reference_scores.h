// How the Bayes-PFL reference turns one category's maps and text scores into image scores and table numbers.
#ifndef BAYESPFL_MODEL_EVALUATION_REFERENCE_SCORES_H_
#define BAYESPFL_MODEL_EVALUATION_REFERENCE_SCORES_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "model/detection/pixel_map.h"
#include "model/evaluation/ranking_metrics.h"

namespace bayespfl {

// The Gaussian of the maps before pixel metrics, in pixels (SmoothMap in pixel_map.h).
inline constexpr double kReferenceSigma = 8;

// Pixels that enter the top-k mean: 20 for the categories with small defects (capsules, macaroni1, macaroni2,
// pipe_fryum, screw, cashew, chewinggum), else 2000. Categories are spelt as the data sets' folders.
int64_t ReferenceTopK(absl::string_view category);

// Mean of the k largest pixels of an unsmoothed map. InvalidArgument: k < 1, fewer than k pixels, or a pixel that is
// NaN. Thread-safe.
absl::StatusOr<double> TopKMean(const PixelMap& map, int64_t k);

// (x - min) / (max - min + 1e-8) over the pictures of one category: 0 everywhere if all are equal. Requires finite
// values. Thread-safe.
std::vector<double> MinMax(absl::Span<const double> x);

// 0.5 * MinMax(text_scores) + 0.5 * MinMax(topk_means), one of each per picture. Requires equal lengths; a program that
// breaks this is ended. (Classification-only data sets use MinMax(text_scores) alone.) Thread-safe.
std::vector<double> FinalImageScores(absl::Span<const double> text_scores, absl::Span<const double> topk_means);

// The image columns of the reference's table, in [0, 1].
struct ReferenceImageNumbers {
  double auroc = 0;
  double average_precision = 0;
  double f1_max = 0;
};

// What the table shows for the image metrics of a category: the numbers themselves, or 0 in all three where every
// picture is anomalous. (RankingMetrics says the truth there: no AUROC, average precision and F1 near 1.)
// nullopt: no anomalous picture; the reference stops with an error. Thread-safe.
std::optional<ReferenceImageNumbers> ReferenceImageTable(const RankingMetrics& metrics);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_EVALUATION_REFERENCE_SCORES_H_
