// WebP -> RGB8 with libwebp.
#ifndef BAYESPFL_MODEL_IMAGE_WEBP_H_
#define BAYESPFL_MODEL_IMAGE_WEBP_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/image/decode.h"
#include "model/image/image.h"

namespace bayespfl::image_internal {

// Decodes lossy and lossless still pictures; alpha is dropped, not composited, and bytes behind the announced length
// are ignored. `encoded` starts with the signature. Errors, all InvalidArgument: damaged data, less than the announced
// length, animation (refused by name), over a limit. Thread-safe.
absl::StatusOr<RgbImage> DecodeWebp(absl::Span<const uint8_t> encoded, const ImageLimits& limits);

}  // namespace bayespfl::image_internal

#endif  // BAYESPFL_MODEL_IMAGE_WEBP_H_
