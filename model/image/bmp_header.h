// The headers, masks and palette of a BMP file. No pixel is decoded.
//
// What the format's families write (facts from Microsoft's "Bitmap Storage" and from OS/2's "Bitmap File Format"):
//   12 bytes              OS/2 1.x and Windows 2: sides of 16 bits, palette colours of three bytes
//   16 to 64 bytes        OS/2 2.x: cut anywhere, what is missing is 0; its compressions 3 and 4 are not Windows'
//   40, 52, 56, 108, 124  Windows: masks behind a header of 40 bytes, at the same place inside the longer ones
#ifndef BAYESPFL_MODEL_IMAGE_BMP_HEADER_H_
#define BAYESPFL_MODEL_IMAGE_BMP_HEADER_H_

#include <array>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/image/image_header.h"

namespace bayespfl::image_internal {

using BmpColor = std::array<uint8_t, 3>;  // R, G, B

enum class BmpCoding {
  kRows,  // as they are, each padded to four bytes
  kRle8,  // run lengths of palette indices
  kRle4,
};

// A BMP header, checked as far as that is possible without the pixel limit.
struct BmpHeader {
  PictureSize size;        // pixels; height as an absolute value
  bool top_down = false;   // the first row of the file is the uppermost
  int bits_per_pixel = 0;  // 1, 2, 4 or 8: into the palette; 16, 24 or 32: colours themselves
  BmpCoding coding = BmpCoding::kRows;
  // Where red, green and blue lie in a little-endian pixel of 16, 24 or 32 bits: each a run of ones, or 0 for a colour
  // that the file lacks.
  std::array<uint32_t, 3> masks = {};
  std::vector<BmpColor> palette;  // at most 2^bits_per_pixel colours, fewer where the file has fewer
  int64_t pixel_offset = 0;       // bytes from the start of the file; lies inside it

  // Bytes from one row to the next in the file.
  [[nodiscard]] int64_t row_bytes() const { return (size.width * bits_per_pixel + 31) / 32 * 4; }
};

// Reads headers, masks and palette of a file that starts with BMP's signature. Errors, all InvalidArgument: the file
// ends early; fields that no BMP has; and by name what is not supported: embedded JPEG and PNG, CMYK, OS/2's Huffman
// codes and 24-bit run lengths, masks with holes, headers and depths of other sizes.
absl::StatusOr<BmpHeader> ReadBmpHeader(absl::Span<const uint8_t> encoded);

}  // namespace bayespfl::image_internal

#endif  // BAYESPFL_MODEL_IMAGE_BMP_HEADER_H_
