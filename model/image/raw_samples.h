// Samples of more than 8 bits, out of the layouts that cameras pack them in.
#ifndef BAYESPFL_MODEL_IMAGE_RAW_SAMPLES_H_
#define BAYESPFL_MODEL_IMAGE_RAW_SAMPLES_H_

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "model/image/pixel_format_spec.h"

namespace bayespfl::image_internal {

// Writes samples.size() values, which begin at the first bit of `row`. Of packed layouts every value is below
// 2^spec.bits; words come as they are, since a camera may have set bits that it should not have. Reads
// ceil(samples.size() * bits in memory / 8) bytes and none beyond. `spec` is of more than 8 bits. Thread-safe.
void UnpackSamples(const PixelFormatSpec& spec, const uint8_t* row, absl::Span<uint16_t> samples);

}  // namespace bayespfl::image_internal

#endif  // BAYESPFL_MODEL_IMAGE_RAW_SAMPLES_H_
