// TIFF -> RGB8.
//
// What is read, in either byte order, classic or BigTIFF; of several pages the first:
//   strips or tiles of any size, planes interleaved or separate, either bit order in a byte (FillOrder);
//   uncompressed, PackBits, LZW, Deflate, the latter two with or without the horizontal predictor, and JPEG;
//   gray of 1 to 16 bits (black or white is zero), palette of 1 to 8 bits, RGB of 1 to 16 bits, YCbCr of JPEG data;
//   extra samples up to 6 in all. Alpha is dropped, not composited; colours that were multiplied by it (associated
//   alpha) are divided by it first; turned by the Orientation tag.
// Refused by name: other compressions, LZW in the bit order of before TIFF 6.0, float and signed samples, CMYK, Lab,
// raw sensor samples, gray of several samples that are not said to be gray and alpha, a first page that says it is a
// thumbnail or a mask, sparse files.
//
// Files that break rules of the format, but whose pixels are all there, are read as the reference's loader (Pillow)
// reads them: without byte counts, with tags whose values lie outside the file, cut behind the last tag, with tiles
// whose sides are no multiples of 16.
//
// Why not libtiff, which would add fax, Zstandard, LZMA and LERC compression, which pictures of parts hardly come in:
//   Before its caller learns a picture's size, it copies the values of every tag, unknown ones included: with Debian
//   12's libtiff 4.5 a file of 4 MB whose 200 private tags share their bytes takes 808 MB, and nothing bounds it
//   before 4.7. It gives up on uncompressed strips without byte counts, which Pillow finds without it. It goes on after
//   damaged JPEG and fax data, with a warning in words. It brings six more libraries into every image, and decoders
//   that have to be kept from being reached.
// Its RGBA interface, which OpenCV uses, multiplies colours by alpha besides. What is left to do here is small: zlib
// and libjpeg-turbo undo the two schemes that are not.
#ifndef BAYESPFL_MODEL_IMAGE_TIFF_H_
#define BAYESPFL_MODEL_IMAGE_TIFF_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/image/decode.h"
#include "model/image/image.h"
#include "model/image/sample_scale.h"

namespace bayespfl::image_internal {

// Decodes the first page; 16-bit samples go through `scale`, all others of more or fewer than 8 bits are spread over
// 0..255 by their own range. Errors, all InvalidArgument: damaged or truncated (every strip must be inside the file and
// decompress completely), unsupported variant, over a limit (checked after the tags and before any strip is read). What
// the file cannot hold, by the places and sizes of its strips, is refused before there is memory for pixels.
// Thread-safe.
absl::StatusOr<RgbImage> DecodeTiff(absl::Span<const uint8_t> encoded, const ImageLimits& limits, SampleScale scale);

}  // namespace bayespfl::image_internal

#endif  // BAYESPFL_MODEL_IMAGE_TIFF_H_
