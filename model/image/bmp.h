// BMP -> RGB8, with a decoder of our own.
//
// Why not OpenCV: it reads 16 bits as multiples of 8 (white becomes 248, 252, 248), ignores where masks say the colours
// are, and refuses a last row without padding; its library brings decoders of a hundred other formats along.
#ifndef BAYESPFL_MODEL_IMAGE_BMP_H_
#define BAYESPFL_MODEL_IMAGE_BMP_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/image/decode.h"
#include "model/image/image.h"

namespace bayespfl::image_internal {

// Decodes palettes of 1, 2, 4 and 8 bits, RLE4 and RLE8 among them, and colours of 16, 24 and 32 bits, from the bottom
// up or from the top down, of Windows and of OS/2. A colour of n bits becomes round(255 v / (2^n - 1)), exactly; bits
// that no mask names, alpha among them, are dropped. The last row may lack its padding; bytes behind it are ignored.
// `encoded` starts with the signature. Errors, all InvalidArgument: what ReadBmpHeader() and ReadBmpRunLengths()
// refuse, a file that ends early, an index that the palette lacks, over a limit. Thread-safe.
absl::StatusOr<RgbImage> DecodeBmp(absl::Span<const uint8_t> encoded, const ImageLimits& limits);

}  // namespace bayespfl::image_internal

#endif  // BAYESPFL_MODEL_IMAGE_BMP_H_
