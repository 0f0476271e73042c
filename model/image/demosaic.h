// Bayer patterns -> colour: bilinear interpolation, mirrored at the border.
#ifndef BAYESPFL_MODEL_IMAGE_DEMOSAIC_H_
#define BAYESPFL_MODEL_IMAGE_DEMOSAIC_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "model/image/pixel_format_spec.h"

namespace bayespfl::image_internal {

// A picture whose pixels each have one colour, row by row.
template <typename Sample>
struct Mosaic {
  int width = 0;   // pixels, >= 2
  int height = 0;  // pixels, >= 2
  PixelKind pattern = PixelKind::kBayerRG;
  // Writes the `width` samples of row y. Rows may be asked for more than once.
  absl::FunctionRef<void(int y, Sample* row)> read;
};

// Bits that a 16-bit sample may be shifted up by before the interpolation, so that the mean of up to four samples is
// exact.
inline constexpr int kMeanBits = 2;

// Gives every row of the picture to `write`, from above: `width` times R, G, B. A missing colour is the mean of the two
// or four nearest samples of it, rounded to the nearest, halves up. Holds a band of rows at a time, so that its memory
// does not grow with the picture's height. Internal: OpenCV failed. Thread-safe.
template <typename Sample>
absl::Status Demosaic(const Mosaic<Sample>& mosaic, absl::FunctionRef<void(int y, const Sample* rgb)> write);

extern template absl::Status Demosaic(const Mosaic<uint8_t>&, absl::FunctionRef<void(int, const uint8_t*)>);
extern template absl::Status Demosaic(const Mosaic<uint16_t>&, absl::FunctionRef<void(int, const uint16_t*)>);

}  // namespace bayespfl::image_internal

#endif  // BAYESPFL_MODEL_IMAGE_DEMOSAIC_H_
