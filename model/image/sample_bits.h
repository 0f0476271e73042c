// 16-bit pictures whose sensor filled fewer bits than the file has room for.
#ifndef BAYESPFL_MODEL_IMAGE_SAMPLE_BITS_H_
#define BAYESPFL_MODEL_IMAGE_SAMPLE_BITS_H_

#include <bit>
#include <cstdint>
#include <optional>

#include "model/image/image.h"

namespace bayespfl {

// What people are told of a picture that HasShallowSamples().
inline constexpr char kShallowSamplesMessage[] =
    "16-bit samples that never leave the low 12 bits: the picture is seen at 1/16 of its brightness or less; if the "
    "sensor fills fewer than 16 bits, say how many with significant_bits (--significant-bits)";

// Whether the picture's samples were taken to fill 16 bits, but all of them fit into 12: most likely a 12-bit sensor's
// picture, which is seen almost black. A picture that fits into 4 bits says nothing, since it would be black either
// way.
constexpr bool HasShallowSamples(const RgbImage& image) {
  constexpr int kNothingToSee = 4;
  constexpr int kShallow = 12;
  return image.sample_bits.has_value() && *image.sample_bits > kNothingToSee && *image.sample_bits <= kShallow;
}

namespace image_internal {

// RgbImage::sample_bits of a picture whose samples, ORed together, are `seen`. Absent when all are 0.
constexpr std::optional<int> SampleBits(uint32_t seen) {
  return seen == 0 ? std::nullopt : std::optional<int>(std::bit_width(seen));
}

}  // namespace image_internal
}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_IMAGE_SAMPLE_BITS_H_
