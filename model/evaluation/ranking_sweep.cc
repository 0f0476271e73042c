#include "model/evaluation/ranking_sweep.h"

namespace bayespfl {

RankingSweep::RankingSweep(int64_t positives, int64_t negatives, double f1_epsilon)
    : positives_(positives), negatives_(negatives), f1_epsilon_(f1_epsilon) {
  roc_.Add({0, 0});
  precision_recall_.Add({0, 1});
}

void RankingSweep::Add(double score, int64_t positives, int64_t negatives) {
  const int64_t higher_true = true_positives_;
  const int64_t higher_false = false_positives_;
  true_positives_ += positives;
  false_positives_ += negatives;
  // A trapezoid between two points of the ROC curve, doubled: each of these negatives is beaten by every positive of a
  // higher score (2) and ties with those of its own (1).
  doubled_pairs_ += static_cast<double>(negatives) * static_cast<double>(2 * higher_true + positives);
  if (positives_ == 0) return;
  const double precision =
      static_cast<double>(true_positives_) / static_cast<double>(true_positives_ + false_positives_);
  const double recall = static_cast<double>(true_positives_) / static_cast<double>(positives_);
  precision_sum_ += static_cast<double>(positives) * precision;
  UpdateF1(score, precision, recall, higher_true, higher_false);
  precision_recall_.Add({recall, precision});
  if (negatives_ > 0) roc_.Add({static_cast<double>(false_positives_) / static_cast<double>(negatives_), recall});
}

void RankingSweep::UpdateF1(double score, double precision, double recall, int64_t higher_true, int64_t higher_false) {
  // Without a true positive F1 is 0, or 0/0 if epsilon is 0; a lower threshold always does better.
  if (true_positives_ == 0) return;
  const double f1 = 2 * precision * recall / (precision + recall + f1_epsilon_);
  if (f1 < best_f1_) return;
  best_f1_ = f1;
  best_threshold_ = score;
  best_higher_true_ = higher_true;
  best_higher_false_ = higher_false;
}

std::optional<double> RankingSweep::StrictIou() const {
  if (positives_ == 0) return std::nullopt;
  return static_cast<double>(best_higher_true_) / static_cast<double>(positives_ + best_higher_false_);
}

RankingMetrics RankingSweep::Finish() {
  RankingMetrics metrics;
  if (positives_ == 0) return metrics;
  metrics.average_precision = precision_sum_ / static_cast<double>(positives_);
  metrics.f1_max = best_f1_;
  metrics.f1_threshold = best_threshold_;
  metrics.precision_recall = precision_recall_.Finish();
  if (negatives_ == 0) return metrics;
  metrics.auroc = doubled_pairs_ / (2 * static_cast<double>(positives_) * static_cast<double>(negatives_));
  metrics.roc = roc_.Finish();
  return metrics;
}

}  // namespace bayespfl
