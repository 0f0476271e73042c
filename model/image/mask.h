// Ground-truth masks: pictures whose samples are labels, not brightness.
//
// A picture may lose what nobody sees when its samples are reduced to 8 bits; a mask may not. Label images count their
// regions 1, 2, 3, ... in 16 bits, and round(v / 257) would make the first 128 of them background.
#ifndef BAYESPFL_MODEL_IMAGE_MASK_H_
#define BAYESPFL_MODEL_IMAGE_MASK_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/image/decode.h"
#include "model/image/orientation.h"

namespace bayespfl {

struct LabelMask {
  int width = 0;   // pixels
  int height = 0;  // pixels
  // [height, width], row-major: 1 where the picture is marked, else 0.
  std::vector<uint8_t> marked = {};
};

// Decodes a mask of any format and depth of DecodeImage(). A pixel is marked when one of its samples is not 0; alpha is
// no sample. Where a PNG or TIFF has a palette, the sample is the index, as label images are drawn (PASCAL VOC) and as
// NumPy sees a picture that Pillow opened; its colour does not matter. A BMP's palette is its way to be gray, so there
// the colour counts. Of a TIFF that stores white as 0 the samples are turned round first, as Pillow does.
//
// The mask is stood upright from `orientation`, which is the caller's to find (ExifOrientation()).
//
// Beware of masks in a lossy format: what compression leaves around an edge is not 0.
// Errors as DecodeImage(). Thread-safe.
absl::StatusOr<LabelMask> DecodeMask(absl::Span<const uint8_t> encoded, const ImageLimits& limits = {},
                                     Orientation orientation = Orientation::kUpright);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_IMAGE_MASK_H_
