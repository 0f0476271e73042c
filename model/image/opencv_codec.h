// The one place where OpenCV's picture codecs are called (PNG, BMP, WebP).
#ifndef BAYESPFL_MODEL_IMAGE_OPENCV_CODEC_H_
#define BAYESPFL_MODEL_IMAGE_OPENCV_CODEC_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "model/image/decode.h"
#include "model/image/image.h"
#include "model/image/sample_scale.h"

namespace bayespfl::image_internal {

// Decodes a file whose header has been checked, with the size that header promised to be `width` x `height`. Gray
// becomes RGB, alpha is dropped, 16-bit samples go through `scale`, orientation tags are ignored. `format` is for
// messages. InvalidArgument if OpenCV refuses the data, delivers another size or another sample type.
absl::StatusOr<RgbImage> DecodeWithOpenCv(absl::Span<const uint8_t> encoded, absl::string_view format, int64_t width,
                                          int64_t height, SampleScale scale);

// Complete decoders: header, limits, completeness, pixels. `encoded` starts with the format's signature.
//   PNG: every critical chunk's checksum and the end chunk are required; all other chunks are left out, so that text,
//        profiles, animation and transparency cost nothing and cannot make the library complain.
//   BMP: uncompressed only; every row must be there.
//   WebP: still pictures only; the announced length must be there.
absl::StatusOr<RgbImage> DecodePng(absl::Span<const uint8_t> encoded, const ImageLimits& limits, SampleScale scale);
absl::StatusOr<RgbImage> DecodeBmp(absl::Span<const uint8_t> encoded, const ImageLimits& limits);
absl::StatusOr<RgbImage> DecodeWebp(absl::Span<const uint8_t> encoded, const ImageLimits& limits);

}  // namespace bayespfl::image_internal

#endif  // BAYESPFL_MODEL_IMAGE_OPENCV_CODEC_H_
