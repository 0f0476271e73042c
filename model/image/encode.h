// Pictures and maps -> PNG and JPEG, with libpng and libjpeg themselves.
#ifndef BAYESPFL_MODEL_IMAGE_ENCODE_H_
#define BAYESPFL_MODEL_IMAGE_ENCODE_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/image/image.h"

namespace bayespfl {

// How the samples of a PNG are stored, row by row without padding.
enum class PngSamples {
  kGray1,   // one byte a pixel going in, non-zero is white; one bit a pixel in the file
  kGray8,   // a byte a pixel
  kGray16,  // two bytes a pixel, big-endian
  kRgb8,    // three bytes a pixel
};

// A PNG file of `width` x `height` pixels. Compressed for speed (zlib level 1): a reply is sent once. Requires positive
// sizes and as many bytes as they need. Internal: libpng failed. Thread-safe.
absl::StatusOr<std::string> EncodePng(PngSamples samples, int width, int height, absl::Span<const uint8_t> data);

// The same of a picture, 8-bit RGB: DecodeImage() gives the same picture back. InvalidArgument: an empty picture, or
// pixels that do not fit its size.
absl::StatusOr<std::string> EncodePng(const RgbImage& image);

// A baseline JPEG with 4:2:0 chroma. InvalidArgument: an empty picture, pixels that do not fit its size, a quality
// outside 1..100, or a side above 65,500 pixels, the most that a JPEG can have. Internal: libjpeg failed. Thread-safe.
absl::StatusOr<std::string> EncodeJpeg(const RgbImage& image, int quality);

// The mask (row-major [height, width], non-zero is inside) as COCO's compressed run lengths: `counts` of a segmentation
// in ASCII. Runs of outside and inside alternate, column by column from the upper left, outside first. Each is written
// in base 32, least digit first, with 48 added to every digit and 32 to all but the last; from the fourth run on it is
// the difference to the run two before that is written. (Format of the COCO data set, cocodataset.org.) Thread-safe.
std::string EncodeCocoRle(int width, int height, absl::Span<const uint8_t> mask);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_IMAGE_ENCODE_H_
