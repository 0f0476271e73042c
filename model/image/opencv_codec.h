// The one place where OpenCV's picture decoders are called (BMP, WebP).
#ifndef BAYESPFL_MODEL_IMAGE_OPENCV_CODEC_H_
#define BAYESPFL_MODEL_IMAGE_OPENCV_CODEC_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/image/decode.h"
#include "model/image/image.h"

namespace bayespfl::image_internal {

// Complete decoders: header, limits, completeness, pixels. `encoded` starts with the format's signature.
//   BMP: uncompressed only; every row must be there.
//   WebP: still pictures only; the announced length must be there.
absl::StatusOr<RgbImage> DecodeBmp(absl::Span<const uint8_t> encoded, const ImageLimits& limits);
absl::StatusOr<RgbImage> DecodeWebp(absl::Span<const uint8_t> encoded, const ImageLimits& limits);

}  // namespace bayespfl::image_internal

#endif  // BAYESPFL_MODEL_IMAGE_OPENCV_CODEC_H_
