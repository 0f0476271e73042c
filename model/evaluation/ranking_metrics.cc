#include "model/evaluation/ranking_metrics.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "model/evaluation/ranking_sweep.h"
#include "model/evaluation/require.h"

namespace bayespfl {

absl::Status CheckScores(absl::Span<const double> scores, absl::Span<const uint8_t> labels) {
  if (scores.size() != labels.size()) {
    return absl::InvalidArgumentError(absl::StrCat(scores.size(), " scores but ", labels.size(), " labels"));
  }
  for (size_t i = 0; i < scores.size(); ++i) {
    if (!std::isfinite(scores[i])) {
      return absl::InvalidArgumentError(absl::StrCat("score ", i, " is ", scores[i], ", not a finite number"));
    }
    if (labels[i] > 1) {
      return absl::InvalidArgumentError(absl::StrCat("label ", i, " is ", int{labels[i]}, ", not 0 or 1"));
    }
  }
  return absl::OkStatus();
}

RankingMetrics RankScores(absl::Span<const double> scores, absl::Span<const uint8_t> labels, double f1_epsilon) {
  const absl::Status valid = CheckScores(scores, labels);
  Require(valid.ok(), absl::StrCat("RankScores: ", valid.message()));
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return scores[a] > scores[b]; });

  const auto positives = static_cast<int64_t>(std::count(labels.begin(), labels.end(), uint8_t{1}));
  RankingSweep sweep(positives, static_cast<int64_t>(labels.size()) - positives, f1_epsilon);
  for (size_t begin = 0; begin < order.size();) {
    const double score = scores[order[begin]];
    int64_t counts[2] = {0, 0};  // per label
    size_t end = begin;
    for (; end < order.size() && scores[order[end]] == score; ++end) ++counts[labels[order[end]]];
    sweep.Add(score, counts[1], counts[0]);
    begin = end;
  }
  return sweep.Finish();
}

}  // namespace bayespfl
