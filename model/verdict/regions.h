// The parts of a mask, one by one, and what a person or a robot wants to know of each.
#ifndef BAYESPFL_MODEL_VERDICT_REGIONS_H_
#define BAYESPFL_MODEL_VERDICT_REGIONS_H_

#include <cstddef>
#include <vector>

#include "model/detection/pixel_map.h"

namespace bayespfl {

inline constexpr size_t kMaxRegions = 1000;
inline constexpr size_t kDefaultRegions = 100;
inline constexpr size_t kFewestContourPoints = 4;
inline constexpr size_t kMaxContourPoints = 1000;
inline constexpr size_t kDefaultContourPoints = 64;

// x to the right, y down, in pixels of the frame, from the upper left corner of the upper left pixel: a pixel covers
// [x, x + 1) x [y, y + 1).
struct Point {
  float x = 0;
  float y = 0;

  friend bool operator==(const Point&, const Point&) = default;
};

struct Box {
  float x = 0;  // left edge
  float y = 0;  // upper edge
  float width = 0;
  float height = 0;

  friend bool operator==(const Box&, const Box&) = default;
};

// An 8-connected part of the mask. Found on the map as it is given (the model's size, which is what the model can tell
// apart) and told in pixels of the frame.
struct Region {
  Box box;
  double area_fraction = 0;  // 0..1, share of the picture
  double area_pixels = 0;    // that share of the frame's pixels
  float peak = 0;            // 0..1, greatest value of the map inside
  float mean = 0;            // 0..1, mean of the map inside
  Point centroid;            // mean of its pixels' centres
  // Outer boundary along the map's pixel edges, clockwise as seen, without the first point again at the end; holes are
  // not shown. Simplified to RegionOptions::max_contour_points.
  std::vector<Point> contour;
};

struct RegionOptions {
  float threshold = 0.5F;                             // of the mask: map >= threshold
  double min_fraction = 0;                            // share of the picture, 0..1; smaller regions do not count
  size_t max_regions = 0;                             // 0..kMaxRegions, of RegionReport::regions
  size_t max_contour_points = kDefaultContourPoints;  // kFewestContourPoints..kMaxContourPoints
  int frame_width = 0;                                // pixels, > 0: what coordinates are told in
  int frame_height = 0;
};

struct RegionReport {
  double mask_fraction = 0;     // 0..1, share of the picture inside the mask, small regions included
  double largest_fraction = 0;  // 0..1, of the largest region that counts; 0: none does
  size_t total = 0;             // regions that count
  std::vector<Region> regions;  // the largest of them, largest first; equal ones from the top, then from the left
};

// Requires a non-empty map and options within their ranges. Takes time linear in the pixels, but for the contours' and
// the regions' logarithms. Thread-safe.
RegionReport FindRegions(const PixelMap& map, const RegionOptions& options);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_VERDICT_REGIONS_H_
