// TIFF -> RGB8.
//
// Why not OpenCV: its 8-bit path goes through libtiff's RGBA interface, which carries on after damaged strips,
// multiplies colours by alpha and turns the picture by its Orientation tag; none of that may happen here. Cameras and
// plant software write the baseline of TIFF, and that is what is read:
//   byte order II or MM, classic (no BigTIFF); the first page only; strips or tiles, planes interleaved or separate;
//   uncompressed, PackBits, LZW, Deflate, the latter two with or without the horizontal predictor;
//   gray of 1, 2, 4, 8 or 16 bits (black or white is zero), palette of 1 to 8 bits, RGB of 8 or 16 bits; extra
//   samples up to 5 in all (alpha is dropped, not composited).
// Everything else (float, signed, JPEG and fax compression, CMYK, YCbCr, Lab) is refused by name.
#ifndef BAYESPFL_MODEL_IMAGE_TIFF_H_
#define BAYESPFL_MODEL_IMAGE_TIFF_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/image/decode.h"
#include "model/image/image.h"
#include "model/image/sample_scale.h"

namespace bayespfl::image_internal {

// Decodes the first page; 16-bit samples go through `scale`. Errors, all InvalidArgument: damaged or truncated (every
// strip must be inside the file and decompress completely), unsupported variant, over a limit (checked after the tags
// and before any strip is read). Thread-safe.
absl::StatusOr<RgbImage> DecodeTiff(absl::Span<const uint8_t> encoded, const ImageLimits& limits, SampleScale scale);

}  // namespace bayespfl::image_internal

#endif  // BAYESPFL_MODEL_IMAGE_TIFF_H_
