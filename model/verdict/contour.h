// The outline of a region, as a polygon of few points.
#ifndef BAYESPFL_MODEL_VERDICT_CONTOUR_H_
#define BAYESPFL_MODEL_VERDICT_CONTOUR_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace bayespfl {

// A corner between pixels of a map: 0..width, 0..height.
struct Corner {
  int x = 0;
  int y = 0;

  friend bool operator==(const Corner&, const Corner&) = default;
};

// The outer boundary of the region with number `label` in a row-major image [height, width] of region numbers, whose
// first pixel in row order is `first`: the corners where it turns, clockwise as seen, beginning at that pixel's upper
// left one. The region is 8-connected: where two of its pixels touch at a corner, the boundary passes between their
// outsides and comes by that corner twice. Thread-safe.
std::vector<Corner> TraceOutline(absl::Span<const uint32_t> labels, int width, int height, size_t first);

// Leaves the corners out that change the enclosed area least (Visvalingam and Whyatt, Line generalisation by repeated
// elimination of points, 1993), until at most `points` >= 3 are left. Thread-safe.
std::vector<Corner> SimplifyOutline(const std::vector<Corner>& outline, size_t points);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_VERDICT_CONTOUR_H_
