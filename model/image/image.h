// Pictures as the rest of the project sees them: 8-bit RGB, row-major, interleaved, no padding.
#ifndef BAYESPFL_MODEL_IMAGE_IMAGE_H_
#define BAYESPFL_MODEL_IMAGE_IMAGE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace bayespfl {

// An 8-bit RGB picture. A plain value: copy and move freely; distinct objects may be used from distinct threads.
struct RgbImage {
  int width = 0;                // pixels, > 0 for a picture
  int height = 0;               // pixels, > 0 for a picture
  std::vector<uint8_t> pixels;  // [height, width, 3], values 0..255, order R, G, B

  // How many low bits hold every sample of the picture before it became 8-bit, 1..16; only of a picture of 16-bit
  // samples that were taken to fill all 16, since nobody said otherwise, and that are not all 0.
  std::optional<int> sample_bits = std::nullopt;

  [[nodiscard]] bool empty() const { return pixels.empty(); }
  [[nodiscard]] size_t pixel_count() const { return static_cast<size_t>(width) * static_cast<size_t>(height); }
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_IMAGE_IMAGE_H_
