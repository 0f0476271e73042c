#include "model/evaluation/pixel_threshold.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace bayespfl {
namespace {

// The largest k that leaves p percent of the pixels below, where 100 (pixels - k) / pixels is rounded to double as p
// was when it was read: the 99.9th percentile of 1000 pixels leaves 999 below.
int64_t PixelsAbove(int64_t pixels, double percentile) {
  const auto allowed = [&](int64_t k) {
    return 100.0 * static_cast<double>(pixels - k) / static_cast<double>(pixels) >= percentile;
  };
  auto k = static_cast<int64_t>(static_cast<double>(pixels) * (100 - percentile) / 100);
  while (k < pixels && allowed(k + 1)) ++k;
  while (k > 0 && !allowed(k)) --k;
  return k;
}

}  // namespace

absl::StatusOr<PixelThreshold> PixelThreshold::Create(int64_t pixels, double percentile) {
  if (pixels < 1) return absl::InvalidArgumentError("there are no pixels");
  if (!(percentile >= kLowestPixelPercentile && percentile <= 100)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the pixel percentile is ", percentile, "; it must be in ", kLowestPixelPercentile, "..100"));
  }
  return PixelThreshold(pixels, static_cast<size_t>(PixelsAbove(pixels, percentile)) + 1);
}

void PixelThreshold::Add(absl::Span<const float> values) {
  added_ += static_cast<int64_t>(values.size());
  for (const float value : values) {
    if (std::isnan(value)) numbers_ = false;
    if (!(value >= floor_)) continue;  // also what is not a number
    largest_.push_back(value);
    if (largest_.size() >= 2 * kept_) Shrink();
  }
}

void PixelThreshold::Shrink() {
  const auto last = largest_.begin() + static_cast<ptrdiff_t>(kept_ - 1);
  std::nth_element(largest_.begin(), last, largest_.end(), std::greater<>());
  floor_ = *last;
  largest_.resize(kept_);
}

absl::StatusOr<float> PixelThreshold::Threshold() const {
  if (added_ != pixels_) {
    return absl::FailedPreconditionError(absl::StrCat("got ", added_, " map pixels instead of ", pixels_));
  }
  if (!numbers_) return absl::FailedPreconditionError("a map pixel is not a number");
  std::vector<float> values = largest_;
  const auto last = values.begin() + static_cast<ptrdiff_t>(kept_ - 1);
  std::nth_element(values.begin(), last, values.end(), std::greater<>());
  const float threshold = std::nextafter(*last, std::numeric_limits<float>::infinity());
  if (threshold > 1) {
    return absl::FailedPreconditionError(absl::StrCat("more than ", kept_ - 1, " of ", pixels_,
                                                      " good map pixels have the value ", *last,
                                                      "; no mask threshold up to 1 leaves them out"));
  }
  return threshold;
}

}  // namespace bayespfl
