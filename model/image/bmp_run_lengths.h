// BMP's run lengths (RLE8, RLE4) -> RGB8.
#ifndef BAYESPFL_MODEL_IMAGE_BMP_RUN_LENGTHS_H_
#define BAYESPFL_MODEL_IMAGE_BMP_RUN_LENGTHS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "model/image/bmp_header.h"

namespace bayespfl::image_internal {

// Undoes the run lengths of `packed` into `pixels`, [height, width, 3] as the header has them, through its palette.
// What follows the last pixel is ignored, the end mark included.
//
// The format may leave pixels out, by a jump or an early end of a row; viewers disagree about what is there, so this is
// refused by name. Runs may fill the padding of a row, as encoders of padded rows write them.
//
// Errors, all InvalidArgument: `packed` ends early, pixels left out, a run beyond its padded row, an index that the
// palette lacks. Does not throw; the time is linear in `packed` and `pixels`.
absl::Status ReadBmpRunLengths(const BmpHeader& header, absl::Span<const uint8_t> packed, uint8_t* pixels);

}  // namespace bayespfl::image_internal

#endif  // BAYESPFL_MODEL_IMAGE_BMP_RUN_LENGTHS_H_
