// Pillow's 8-bit fixed-point resampler (specification of the picture transform, verified bit for bit).
#ifndef BAYESPFL_MODEL_IMAGE_RESAMPLE_H_
#define BAYESPFL_MODEL_IMAGE_RESAMPLE_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "model/image/image.h"

namespace bayespfl {

enum class ResampleFilter {
  kBilinear,  // triangle, support 1
  kBicubic,   // cubic convolution, a = -0.5, support 2
};

// Resizes interleaved 8-bit samples [height, width, channels] to [out_height, out_width, channels]: horizontal axis
// first, rounded to 8 bits, then vertical; when shrinking the kernel widens by the factor (antialiasing); an axis
// whose length does not change is skipped. Weights are 22-bit fixed point, so results are exact integers.
// Besides the result it needs memory for the rows that one output row is made of, 4 * height / out_height when
// shrinking. Requires positive sizes and samples.size() == height * width * channels. Thread-safe.
std::vector<uint8_t> Resample8(absl::Span<const uint8_t> samples, int width, int height, int channels, int out_width,
                               int out_height, ResampleFilter filter);

// Bicubic resize of an RGB picture; requires a non-empty picture and positive sizes.
RgbImage ResizeBicubic(const RgbImage& image, int out_width, int out_height);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_IMAGE_RESAMPLE_H_
