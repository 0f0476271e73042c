// How well scores separate two classes: AUROC, average precision and F1-max, as scikit-learn 1.4 defines them.
#ifndef BAYESPFL_MODEL_EVALUATION_RANKING_METRICS_H_
#define BAYESPFL_MODEL_EVALUATION_RANKING_METRICS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "model/evaluation/curve.h"

namespace bayespfl {

// What the reference adds to the denominator of F1. It matters in the seventh digit.
inline constexpr double kPixelF1Epsilon = 1e-8;
inline constexpr double kImageF1Epsilon = 1e-6;
inline constexpr double kClassificationOnlyF1Epsilon = 0;  // HeadCT, BrainMRI, Br35H

// All numbers in [0, 1]. A number that is not defined is absent: scikit-learn 1.4 raises an error for the AUROC of one
// class and calls the average precision without positives 0. (The reference's table shows 0 where every picture is
// anomalous: see ReferenceImageTable in reference_scores.h.)
struct RankingMetrics {
  // Area under the ROC curve by the trapezoid rule, equal scores sharing one point. nullopt: only one class present.
  std::optional<double> auroc;
  // Sum of precision * increment of recall, without interpolation. nullopt: no positive.
  std::optional<double> average_precision;
  // Largest 2PR / (P + R + epsilon) over all thresholds. nullopt: no positive.
  std::optional<double> f1_max;
  // The lowest score that reaches f1_max as a threshold (predicted positive: score >= threshold). 0 without f1_max.
  double f1_threshold = 0;
  // (false positive rate, true positive rate) from (0, 0) to (1, 1), at most CurveThinner::kMaxPoints points. Empty
  // without auroc.
  std::vector<CurvePoint> roc;
  // (recall, precision) from (0, 1), which belongs to no threshold, to recall 1; thinned likewise. Empty without a
  // positive.
  std::vector<CurvePoint> precision_recall;
};

// InvalidArgument unless there are as many labels as scores, every score is finite and every label is 0 or 1; the
// message names the first wrong element.
absl::Status CheckScores(absl::Span<const double> scores, absl::Span<const uint8_t> labels);

// Requires CheckScores(scores, labels).ok(), in any order; a program that breaks this is ended. No scores at all: every
// number is absent. Thread-safe.
RankingMetrics RankScores(absl::Span<const double> scores, absl::Span<const uint8_t> labels, double f1_epsilon);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_EVALUATION_RANKING_METRICS_H_
