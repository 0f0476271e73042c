// Which way up a stored picture is.
#ifndef BAYESPFL_MODEL_IMAGE_ORIENTATION_H_
#define BAYESPFL_MODEL_IMAGE_ORIENTATION_H_

#include <cstdint>

#include "absl/types/span.h"
#include "model/image/image.h"

namespace bayespfl {

// What has to be done to the stored picture so that it stands upright: the values of TIFF's tag 274 (Orientation),
// which EXIF took over. Turns are clockwise.
enum class Orientation : uint8_t {
  kUpright = 1,
  kMirror = 2,  // left and right change places
  kHalfTurn = 3,
  kFlip = 4,       // top and bottom change places
  kTranspose = 5,  // rows become columns
  kQuarterTurn = 6,
  kTransverse = 7,  // transposed along the other diagonal
  kThreeQuarterTurn = 8,
};

// kUpright for values outside 1..8: the reference's loader ignores them too.
Orientation OrientationFromTag(uint64_t value);

// The orientation that the EXIF data of a JPEG, PNG or WebP file says; the first such data counts. kUpright for files
// without any, files of other formats (DecodeImage() has turned a TIFF already), and EXIF data that is damaged: it is
// no part of the picture, so nothing that is wrong with it is an error. Reads no pixel and takes no memory.
// Thread-safe.
Orientation ExifOrientation(absl::Span<const uint8_t> encoded);

// Stands a picture upright. The last four orientations swap its sides. Thread-safe.
RgbImage TurnUpright(RgbImage stored, Orientation orientation);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_IMAGE_ORIENTATION_H_
