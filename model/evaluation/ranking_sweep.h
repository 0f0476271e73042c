// The arithmetic behind RankingMetrics, fed score by score: shared by scores in memory and pixels in a scratch file.
#ifndef BAYESPFL_MODEL_EVALUATION_RANKING_SWEEP_H_
#define BAYESPFL_MODEL_EVALUATION_RANKING_SWEEP_H_

#include <cstdint>
#include <optional>

#include "model/evaluation/curve.h"
#include "model/evaluation/ranking_metrics.h"

namespace bayespfl {

// Counts are integers throughout; a distinct score adds one term to each sum in double. There are 2^30 floats in [0,
// 1): even if every rounding of a sum went the same way, its relative error would stay below 2^30 * 2^-53 = 1.2e-7. Not
// thread-safe.
class RankingSweep {
 public:
  // The totals of both classes, needed for the rates, and the epsilon of F1.
  RankingSweep(int64_t positives, int64_t negatives, double f1_epsilon);

  // All elements that share `score`, at least one; call from the highest score to the lowest.
  void Add(double score, int64_t positives, int64_t negatives);

  // Intersection over union of the elements with score > f1_threshold (strictly, so that those equal to it drop out)
  // and the positives. nullopt: no positive. Call after the last Add().
  std::optional<double> StrictIou() const;

  // Call once, last, after as many elements as the constructor was told.
  RankingMetrics Finish();

 private:
  void UpdateF1(double score, double precision, double recall, int64_t higher_true, int64_t higher_false);

  const int64_t positives_;
  const int64_t negatives_;
  const double f1_epsilon_;
  // Elements with the scores added so far.
  int64_t true_positives_ = 0;
  int64_t false_positives_ = 0;
  // Twice the area under the ROC curve, in pairs of a positive and a negative.
  double doubled_pairs_ = 0;
  // Average precision times the number of positives.
  double precision_sum_ = 0;
  double best_f1_ = -1;
  double best_threshold_ = 0;
  // Elements strictly above the best threshold.
  int64_t best_higher_true_ = 0;
  int64_t best_higher_false_ = 0;
  CurveThinner roc_;
  CurveThinner precision_recall_;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_EVALUATION_RANKING_SWEEP_H_
