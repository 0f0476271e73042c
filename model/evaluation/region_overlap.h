// Area under the per-region overlap curve (AUPRO), exactly as the reference's function computes it. (Its tables show 0
// instead: the call is commented out there.)
#ifndef BAYESPFL_MODEL_EVALUATION_REGION_OVERLAP_H_
#define BAYESPFL_MODEL_EVALUATION_REGION_OVERLAP_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "model/evaluation/curve.h"

namespace bayespfl {

// The thresholds: min, min + delta, ... below max with delta = (max - min) / 200, each rounded to float. There are 200,
// or 201 where rounding lets the last one through, as in numpy.arange(min, max, delta). Empty if min == max.
std::vector<float> OverlapThresholds(float min, float max);

struct RegionOverlap {
  // nullopt where the reference's function fails or returns nan: a constant map, no region, no normal pixel, or fewer
  // than two distinct false positive rates below the limit.
  std::optional<double> aupro;
  // (false positive rate, mean covered fraction of the regions) of the kept thresholds, from the highest threshold to
  // the lowest; rates are not rescaled. Empty without a region, a normal pixel or a threshold.
  std::vector<CurvePoint> pro;
  int64_t regions = 0;
};

// Gathers the overlap of pictures whose maps' common range is known. Memory: a few hundred numbers, and one picture's
// mask while it is added. Not thread-safe.
class RegionOverlapAccumulator {
 public:
  static constexpr double kFalsePositiveLimit = 0.3;

  // The smallest and the largest value of all maps.
  RegionOverlapAccumulator(float min, float max);

  // One picture: map and mask (0 or 1) are row-major [height, width], values within [min, max].
  void Add(int width, int height, absl::Span<const float> map, absl::Span<const uint8_t> mask);

  // Keeps the thresholds with a false positive rate below 0.3, stretches those rates to [0, 1] by their own smallest
  // and largest (not by 0.3) and integrates by the trapezoid rule.
  RegionOverlap Finish() const;

 private:
  size_t ThresholdsBelow(float value) const;
  std::vector<CurvePoint> KeptPoints() const;

  const float min_;
  const std::vector<float> thresholds_;
  const double thresholds_per_unit_;
  int64_t regions_ = 0;
  int64_t normal_pixels_ = 0;
  // Indexed by how many thresholds lie strictly below a pixel's value: [0, thresholds_.size()].
  std::vector<int64_t> normal_;  // normal pixels
  std::vector<double> covered_;  // sum of 1 / area of their region over anomalous pixels
  std::vector<uint8_t> unvisited_;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_EVALUATION_REGION_OVERLAP_H_
