#include "model/evaluation/region_overlap.h"

#include <algorithm>
#include <cmath>

#include "model/verdict/connected_regions.h"

namespace bayespfl {
namespace {

constexpr int kSteps = 200;

// NaN-free trapezoid over rates stretched to [0, 1]; nullopt if they do not span an interval.
std::optional<double> StretchedArea(absl::Span<const CurvePoint> points) {
  if (points.empty()) return std::nullopt;
  const double first = points.front().x;
  const double range = points.back().x - first;
  if (range <= 0) return std::nullopt;
  double area = 0;
  for (size_t i = 1; i < points.size(); ++i) {
    area += (points[i].x - points[i - 1].x) / range * (points[i].y + points[i - 1].y) / 2;
  }
  return area;
}

}  // namespace

std::vector<float> OverlapThresholds(float min, float max) {
  if (!(min < max)) return {};
  // numpy: the range is rounded to float, the rest is done in double, and the step is what two neighbours differ by.
  const double range = max - min;
  const double delta = range / kSteps;
  const auto count = static_cast<size_t>(std::ceil(range / delta));
  const double step = (double{min} + delta) - double{min};
  std::vector<float> thresholds(count);
  for (size_t j = 0; j < count; ++j) thresholds[j] = static_cast<float>(double{min} + static_cast<double>(j) * step);
  return thresholds;
}

RegionOverlapAccumulator::RegionOverlapAccumulator(float min, float max)
    : min_(min),
      thresholds_(OverlapThresholds(min, max)),
      thresholds_per_unit_(thresholds_.empty() ? 0 : kSteps / (double{max} - double{min})),
      normal_(thresholds_.size() + 1),
      covered_(thresholds_.size() + 1) {}

size_t RegionOverlapAccumulator::ThresholdsBelow(float value) const {
  // The thresholds are evenly spaced but for rounding: a guess is right or next to right, and much faster than a search
  // by halves.
  const double guess = (double{value} - double{min_}) * thresholds_per_unit_;
  size_t below = std::min(static_cast<size_t>(std::max(guess, 0.0)), thresholds_.size());
  while (below < thresholds_.size() && thresholds_[below] < value) ++below;
  while (below > 0 && !(thresholds_[below - 1] < value)) --below;
  return below;
}

void RegionOverlapAccumulator::Add(int width, int height, absl::Span<const float> map, absl::Span<const uint8_t> mask) {
  bool any_region = false;
  for (size_t i = 0; i < map.size(); ++i) {
    if (mask[i] != 0) {
      any_region = true;
    } else {
      ++normal_[ThresholdsBelow(map[i])];
      ++normal_pixels_;
    }
  }
  if (!any_region) return;
  unvisited_.assign(mask.begin(), mask.end());
  VisitRegions(width, height, absl::MakeSpan(unvisited_), [&](absl::Span<const size_t> pixels) {
    const double share = 1 / static_cast<double>(pixels.size());
    for (const size_t pixel : pixels) covered_[ThresholdsBelow(map[pixel])] += share;
    ++regions_;
  });
}

std::vector<CurvePoint> RegionOverlapAccumulator::KeptPoints() const {
  std::vector<CurvePoint> points;
  int64_t false_positives = 0;
  double covered = 0;
  // A pixel is positive at threshold j if more than j thresholds lie strictly below it.
  for (size_t j = thresholds_.size(); j-- > 0;) {
    false_positives += normal_[j + 1];
    covered += covered_[j + 1];
    const double rate = static_cast<double>(false_positives) / static_cast<double>(normal_pixels_);
    if (rate >= kFalsePositiveLimit) break;
    points.push_back({rate, covered / static_cast<double>(regions_)});
  }
  return points;
}

RegionOverlap RegionOverlapAccumulator::Finish() const {
  RegionOverlap overlap;
  overlap.regions = regions_;
  if (regions_ == 0 || normal_pixels_ == 0) return overlap;
  overlap.pro = KeptPoints();
  overlap.aupro = StretchedArea(overlap.pro);
  return overlap;
}

}  // namespace bayespfl
