// What kind of TIFF a directory describes: how its pixels are stored and what they mean.
#ifndef BAYESPFL_MODEL_IMAGE_TIFF_FORMAT_H_
#define BAYESPFL_MODEL_IMAGE_TIFF_FORMAT_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "model/image/decode.h"
#include "model/image/orientation.h"
#include "model/image/tiff_codec.h"
#include "model/image/tiff_directory.h"

namespace bayespfl::image_internal {

// How the picture is cut into separately compressed blocks: strips (as wide as the picture) or tiles.
struct TiffLayout {
  int64_t width = 0;         // pixels, as stored
  int64_t height = 0;        // pixels, as stored
  int64_t block_width = 0;   // pixels
  int64_t block_height = 0;  // pixels
  bool tiled = false;
  int64_t across = 0;  // blocks per row of blocks
  int64_t down = 0;    // rows of blocks
};

// What the samples stand for.
enum class TiffColors {
  kWhiteIsZero,
  kBlackIsZero,
  kRgb,
  kPalette,
  kYCbCr,  // of JPEG data alone, whose decoder delivers RGB
};

struct TiffEncoding {
  TiffCompression compression = TiffCompression::kNone;
  TiffColors colors = TiffColors::kBlackIsZero;
  int bits = 1;                    // per sample, 1..16
  int samples = 1;                 // per pixel, extra samples included
  bool separate = false;           // one plane per sample
  bool predictor = false;          // samples are stored as differences along the row
  bool reversed_bits = false;      // the first pixel is in a byte's lowest bits
  bool colors_have_alpha = false;  // the colours were multiplied by the first extra sample

  [[nodiscard]] bool is_rgb() const { return colors == TiffColors::kRgb || colors == TiffColors::kYCbCr; }
  [[nodiscard]] int color_samples() const { return is_rgb() ? 3 : 1; }
};

// The size and its blocks, within `limits`. InvalidArgument: over a limit, no size, tiles much larger than the picture.
absl::StatusOr<TiffLayout> ReadTiffLayout(const TiffDirectory& directory, const ImageLimits& limits);

// InvalidArgument: a variant that is not read (named), or tags that contradict each other.
absl::StatusOr<TiffEncoding> ReadTiffEncoding(const TiffDirectory& directory);

// InvalidArgument for a directory that says it is no picture of its own, but a small copy of one or its mask:
// inspected, a thumbnail would pass for the part.
absl::Status CheckIsPicture(const TiffDirectory& directory);

// The Orientation tag, or where it is absent what the XMP packet says; as the reference's loader decides.
Orientation ReadTiffOrientation(const TiffDirectory& directory);

}  // namespace bayespfl::image_internal

#endif  // BAYESPFL_MODEL_IMAGE_TIFF_FORMAT_H_
