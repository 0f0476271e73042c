#include "model/verdict/regions.h"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "absl/types/span.h"
#include "model/verdict/connected_regions.h"
#include "model/verdict/contour.h"

namespace bayespfl {
namespace {

// A region in the map's own pixels.
struct Part {
  size_t first = 0;  // its first pixel in row order
  size_t pixels = 0;
  int left = std::numeric_limits<int>::max();
  int top = std::numeric_limits<int>::max();
  int right = 0;  // the last column inside
  int bottom = 0;
  double sum_x = 0;
  double sum_y = 0;
  double sum = 0;
  float peak = 0;
};

struct Mask {
  std::vector<uint8_t> pixels;  // 1 inside, 0 outside
  size_t inside = 0;            // how many are 1
};

// Counts beside the comparison, whose lanes are as wide as a float: adding up the bytes afterwards takes as long again.
// Everything is a local of its own, because a byte that is written may be part of whatever is read through a reference.
Mask MaskOf(absl::Span<const float> values, float threshold) {
  Mask mask{.pixels = std::vector<uint8_t>(values.size())};
  uint8_t* const pixels = mask.pixels.data();
  size_t inside = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const bool is_inside = values[i] >= threshold;
    pixels[i] = is_inside ? 1 : 0;
    inside += is_inside ? 1 : 0;
  }
  mask.inside = inside;
  return mask;
}

Part Measure(const PixelMap& map, absl::Span<const size_t> pixels) {
  Part part;
  part.first = pixels.front();
  part.pixels = pixels.size();
  for (const size_t pixel : pixels) {
    const int x = static_cast<int>(pixel % static_cast<size_t>(map.width));
    const int y = static_cast<int>(pixel / static_cast<size_t>(map.width));
    part.first = std::min(part.first, pixel);
    part.left = std::min(part.left, x);
    part.right = std::max(part.right, x);
    part.top = std::min(part.top, y);
    part.bottom = std::max(part.bottom, y);
    part.sum_x += x;
    part.sum_y += y;
    part.sum += map.values[pixel];
    part.peak = std::max(part.peak, map.values[pixel]);
  }
  return part;
}

// From the map's pixels to those of the frame.
struct Scale {
  double x;
  double y;

  [[nodiscard]] Point operator()(double map_x, double map_y) const {
    return {static_cast<float>(map_x * x), static_cast<float>(map_y * y)};
  }
};

Region Describe(const Part& part, const PixelMap& map, const RegionOptions& options) {
  const Scale scale{static_cast<double>(options.frame_width) / map.width,
                    static_cast<double>(options.frame_height) / map.height};
  const auto count = static_cast<double>(part.pixels);
  const Point corner = scale(part.left, part.top);
  const Point extent = scale(part.right + 1 - part.left, part.bottom + 1 - part.top);
  Region region;
  region.box = {.x = corner.x, .y = corner.y, .width = extent.x, .height = extent.y};
  region.area_fraction = count / static_cast<double>(map.values.size());
  region.area_pixels = region.area_fraction * options.frame_width * options.frame_height;
  region.peak = part.peak;
  region.mean = static_cast<float>(part.sum / count);
  region.centroid = scale(part.sum_x / count + 0.5, part.sum_y / count + 0.5);
  return region;
}

std::vector<Point> Contour(const std::vector<uint32_t>& labels, const Part& part, const PixelMap& map,
                           const RegionOptions& options) {
  const Scale scale{static_cast<double>(options.frame_width) / map.width,
                    static_cast<double>(options.frame_height) / map.height};
  std::vector<Point> contour;
  const std::vector<Corner> outline = TraceOutline(labels, map.width, map.height, part.first);
  for (const Corner corner : SimplifyOutline(outline, options.max_contour_points)) {
    contour.push_back(scale(corner.x, corner.y));
  }
  return contour;
}

}  // namespace

RegionReport FindRegions(const PixelMap& map, const RegionOptions& options) {
  const auto total_pixels = static_cast<double>(map.values.size());
  Mask mask = MaskOf(map.values, options.threshold);

  RegionReport report;
  report.mask_fraction = static_cast<double>(mask.inside) / total_pixels;
  std::vector<Part> parts;
  std::vector<uint32_t> labels(options.max_regions > 0 ? mask.pixels.size() : 0);
  uint32_t label = 0;
  VisitRegions(map.width, map.height, absl::MakeSpan(mask.pixels), [&](absl::Span<const size_t> pixels) {
    const double fraction = static_cast<double>(pixels.size()) / total_pixels;
    if (fraction < options.min_fraction) return;
    report.largest_fraction = std::max(report.largest_fraction, fraction);
    ++report.total;
    if (options.max_regions == 0) return;
    ++label;
    for (const size_t pixel : pixels) labels[pixel] = label;
    parts.push_back(Measure(map, pixels));
  });

  const size_t kept = std::min(parts.size(), options.max_regions);
  std::partial_sort(
      parts.begin(), parts.begin() + static_cast<ptrdiff_t>(kept), parts.end(),
      [](const Part& a, const Part& b) { return a.pixels != b.pixels ? a.pixels > b.pixels : a.first < b.first; });
  for (size_t i = 0; i < kept; ++i) {
    report.regions.push_back(Describe(parts[i], map, options));
    report.regions.back().contour = Contour(labels, parts[i], map, options);
  }
  return report;
}

}  // namespace bayespfl
