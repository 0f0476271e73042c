// The size checks that every picture passes before any of its pixels is touched.
#ifndef BAYESPFL_MODEL_IMAGE_IMAGE_LIMITS_H_
#define BAYESPFL_MODEL_IMAGE_IMAGE_LIMITS_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "model/image/decode.h"

namespace bayespfl::image_internal {

// No side may be longer, whatever the configured limits say: keeps row arithmetic inside 32 bits.
inline constexpr int64_t kMaxSide = int64_t{1} << 20;

// InvalidArgument if `bytes` is 0 or above limits.max_bytes (named with its server setting, max_image_bytes).
absl::Status CheckByteLimit(size_t bytes, const ImageLimits& limits);

// InvalidArgument if a side is not in 1..kMaxSide or width * height is above limits.max_pixels (named with its server
// setting, max_image_pixels). OK after limits.gate has let the picture in.
absl::Status CheckPixelLimit(int64_t width, int64_t height, const ImageLimits& limits);

// InvalidArgument unless empty or in 9..16.
absl::Status CheckSignificantBits(std::optional<int> significant_bits);

}  // namespace bayespfl::image_internal

#endif  // BAYESPFL_MODEL_IMAGE_IMAGE_LIMITS_H_
