// JPEG -> RGB8 with libjpeg-turbo.
//
// Why not OpenCV: it returns whatever could be decoded, half a picture included. Here every warning of the library is
// judged. Harmless, since the decoder knows every coefficient:
//   JWRN_EXTRANEOUS_DATA  stray bytes before a marker (cameras pad their files)
//   JWRN_ADOBE_XFORM      unknown colour transform code in an Adobe marker; the usual one is assumed
//   JWRN_JFIF_MAJOR       JFIF of a later major version
//   JWRN_BOGUS_ICC        damaged colour profile; profiles are ignored
//   JWRN_NOT_SEQUENTIAL   wrong spectral bounds in a sequential scan; real encoders write zeroes there
//   JWRN_JPEG_EOF         the end marker is missing, where everything in front of it is there: see below
// Every other one means lost data and is an error: JWRN_HIT_MARKER (scan ends early), JWRN_HUFF_BAD_CODE and
// JWRN_ARITH_BAD_CODE (damaged scan), JWRN_MUST_RESYNC (lost restart interval), JWRN_BOGUS_PROGRESSION (a progressive
// scan is missing), and any a later library version may add.
//
// Without an end marker a picture is whole when no Huffman code was cut, which the library tells by JWRN_HIT_MARKER,
// every component has had its scan, and, in a progressive file, every coefficient its last bit. Of arithmetic codes
// nobody can tell: there the end marker must be there. A component without any scan is an error with an end marker too:
// the library would fill it with gray, in silence.
#ifndef BAYESPFL_MODEL_IMAGE_JPEG_H_
#define BAYESPFL_MODEL_IMAGE_JPEG_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/image/decode.h"
#include "model/image/image.h"

namespace bayespfl::image_internal {

// A progressive file may ask for any number of passes over the picture with a few bytes each. Both bounds are far
// above what encoders write (10 scans are usual).
inline constexpr int kMaxJpegScans = 500;
inline constexpr int64_t kMaxJpegScanPixels = 4'000'000'000;  // scans * width * height

// Decodes gray, YCbCr or RGB JPEG of 8 bits per sample, sequential or progressive, with Huffman or arithmetic codes;
// EXIF data and colour profiles are ignored, and so is what follows the end marker: of several pictures (MPO) the first
// is read. Errors, all InvalidArgument: damaged or truncated data (see above), over a limit, too many scans, and,
// refused by name, CMYK and YCCK (without a profile their colours are anyone's guess), two components, lossless,
// hierarchical and 12-bit JPEG, JPEG-LS, and a height that stands behind the rows (DNL). Thread-safe.
absl::StatusOr<RgbImage> DecodeJpeg(absl::Span<const uint8_t> encoded, const ImageLimits& limits);

// A strip or tile of a TIFF with JPEG compression (its Technical Note 2): a JPEG of its own, but that its tables may be
// stored once for all of them.
struct JpegBlock {
  absl::Span<const uint8_t> tables;  // an abbreviated JPEG without picture; may be empty
  absl::Span<const uint8_t> data;
  int64_t width = 0;           // pixels; the data must have the same
  int64_t rows = 0;            // pixels that are wanted; the data must have as many or more ...
  int64_t most_rows = 0;       // ... and no more than these: what is not wanted takes memory too
  int samples = 1;             // per pixel; the data must have the same
  bool ycbcr = false;          // becomes RGB; all others stay as they are stored
  int64_t picture_pixels = 0;  // of the whole picture: what kMaxJpegScanPixels is about
};

// Decodes the first `rows` rows into `samples` ([rows, width, samples]). InvalidArgument: damaged or truncated data
// (see above), a picture of other sides or samples, too many scans. Thread-safe.
absl::Status DecodeJpegBlock(const JpegBlock& block, absl::Span<uint8_t> samples);

}  // namespace bayespfl::image_internal

#endif  // BAYESPFL_MODEL_IMAGE_JPEG_H_
