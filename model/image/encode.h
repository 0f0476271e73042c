// RGB8 -> picture files, for people: overlays, thumbnails, the picture as it was inspected.
#ifndef BAYESPFL_MODEL_IMAGE_ENCODE_H_
#define BAYESPFL_MODEL_IMAGE_ENCODE_H_

#include <string>

#include "absl/status/statusor.h"
#include "model/image/image.h"

namespace bayespfl {

// The bytes of a PNG file: 8-bit RGB, lossless, so that DecodeImage() gives the same picture back. The same picture
// gives the same bytes. InvalidArgument: an empty picture, or pixels that do not fit its size; Internal: the encoder
// failed. Thread-safe.
absl::StatusOr<std::string> EncodePng(const RgbImage& picture);

// The bytes of a JPEG file; `quality` 1..100, else InvalidArgument. Otherwise as above.
absl::StatusOr<std::string> EncodeJpeg(const RgbImage& picture, int quality);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_IMAGE_ENCODE_H_
