// A value per pixel, and what is done to anomaly maps after the network.
#ifndef BAYESPFL_MODEL_DETECTION_PIXEL_MAP_H_
#define BAYESPFL_MODEL_DETECTION_PIXEL_MAP_H_

#include <cstdint>
#include <vector>

namespace bayespfl {

// Row-major [height, width].
struct PixelMap {
  int width = 0;
  int height = 0;
  std::vector<float> values;
};

// Bilinear resize with half-pixel centres, edges clamped. Requires a non-empty map and positive sizes. Thread-safe.
PixelMap ResizeMap(const PixelMap& map, int width, int height);

// How many pixels of ResizeMap() would be at least `threshold`, without making that map. Requires the same.
// Thread-safe.
uint64_t CountResizedAtLeast(const PixelMap& map, int width, int height, float threshold);

// Gaussian with `sigma` in pixels, radius int(4 sigma + 0.5), border by half-sample reflection (d c b a | a b c d),
// vertical axis first; sums in double, each axis rounded to float. sigma 0 returns the map. Thread-safe.
PixelMap SmoothMap(const PixelMap& map, double sigma);

// Mean of the round(fraction * pixels) (at least 1) largest values; NaN where the map holds one. Requires a
// non-empty map. Thread-safe.
float HottestMean(const PixelMap& map, double fraction);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_DETECTION_PIXEL_MAP_H_
