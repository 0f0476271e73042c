// The mask threshold that keeps good pictures clean: exact over all their map pixels, without keeping them.
#ifndef BAYESPFL_MODEL_EVALUATION_PIXEL_THRESHOLD_H_
#define BAYESPFL_MODEL_EVALUATION_PIXEL_THRESHOLD_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace bayespfl {

inline constexpr double kLowestPixelPercentile = 90;  // bounds the memory: at most a fifth of all pixels is kept

// The p-th percentile of N pooled pixels as a threshold T: the smallest float such that at most K = floor((1 - p / 100)
// N) of the pixels are >= T. A mask is where the map is >= T, so it holds at most the share 1 - p / 100 of the good
// pixels, ties or not. T is the float that follows the (K + 1)-th largest pixel.
//
// Keeps the K + 1 largest pixels in a buffer of twice that size; Add() costs O(1) a pixel on average. Not thread-safe.
class PixelThreshold {
 public:
  // `pixels` is N, >= 1, and must be what Add() gets in all; `percentile` is p, kLowestPixelPercentile..100.
  // InvalidArgument otherwise.
  static absl::StatusOr<PixelThreshold> Create(int64_t pixels, double percentile);

  void Add(absl::Span<const float> values);

  // T. FailedPrecondition: Add() got another number of pixels than announced, or one that is not a number; or T would
  // be above 1, because more good pixels than allowed have the map's largest value.
  absl::StatusOr<float> Threshold() const;

 private:
  PixelThreshold(int64_t pixels, size_t kept) : pixels_(pixels), kept_(kept) {}

  void Shrink();

  int64_t pixels_;
  size_t kept_;  // K + 1
  int64_t added_ = 0;
  bool numbers_ = true;
  float floor_ = -std::numeric_limits<float>::infinity();  // smaller values are not among the largest K + 1
  std::vector<float> largest_;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_EVALUATION_PIXEL_THRESHOLD_H_
