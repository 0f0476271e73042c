// Camera pictures -> RGB8: encoded files (JPEG, PNG, BMP, TIFF, WebP) and raw PFNC pixel buffers.
//
// Differences from the reference's loader (Pillow): palette, bilevel and alpha pictures become RGB *before* the resize;
// alpha is dropped, not composited. As there, a TIFF is turned by its Orientation tag, while the EXIF orientation of
// JPEG, PNG and WebP is left to the caller (orientation.h); colour profiles are ignored.
//
// Not supported, and refused by name: JPEG with CMYK, 12 bits, lossless or hierarchical coding; BMP with CMYK or an
// embedded JPEG or PNG; animated WebP; the TIFF variants that model/image/tiff.h lists. Of a TIFF with several pages
// the first is read, unless it says that it is a thumbnail; of several JPEGs in a file (MPO) the first, of an animated
// PNG the still picture. A file is damaged only where pixels are: one that lacks nothing but its end mark is read.
#ifndef BAYESPFL_MODEL_IMAGE_DECODE_H_
#define BAYESPFL_MODEL_IMAGE_DECODE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "model/image/image.h"
#include "model/image/pixel_format.h"

namespace bayespfl {

// Asked before memory is taken for a picture's pixels, so that whoever decodes several at once can hold one up.
class PixelGate {
 public:
  virtual ~PixelGate() = default;

  // The picture is within the limits and has `pixels` > 0 pixels. Returns when it may be decoded. It may be called
  // again for the same picture, with a few more, when its file stores more than is seen.
  virtual void Enter(int64_t pixels) = 0;
};

// What a picture may cost. Checked against the picture's header, before any pixel is decoded.
struct ImageLimits {
  int64_t max_bytes = int64_t{64} << 20;  // encoded or raw size in bytes
  int64_t max_pixels = 100'000'000;       // width * height
  PixelGate* gate = nullptr;              // null: nobody is asked
};

// Whether an error of this file's functions says that the picture is over one of the limits, or over those that no
// setting changes: not damaged, only too large.
bool IsOverImageLimit(const absl::Status& status);

// A borrowed buffer of raw pixels.
struct RawImage {
  absl::Span<const uint8_t> data;
  int64_t width = 0;   // pixels
  int64_t height = 0;  // pixels
  int64_t stride = 0;  // bytes from one row to the next; 0: rows follow each other without padding
  PixelFormat format = PixelFormat::kMono8;
  int64_t max_trailing_bytes = 0;  // that may follow the pixels, and are not looked at: chunk data of the camera
};

// What may be said of 16-bit samples: how many low bits the sensor fills.
inline constexpr int kFewestSignificantBits = 9;
inline constexpr int kMostSignificantBits = 16;

// Decodes an encoded picture. 16-bit samples v become round(v / 257), or round(255 v / (2^n - 1)) with
// `significant_bits` = n in 9..16 (values above 2^n - 1 saturate); 8-bit samples stay as they are. Without
// `significant_bits` the picture's sample_bits tell what a 16-bit file really fills.
// Errors, all InvalidArgument: empty, unknown format, damaged or truncated data (every JPEG warning that means lost
// data counts), over a limit (the message names the limit, its value and the server setting), a side above 2^20 pixels,
// significant_bits outside 9..16. Thread-safe.
absl::StatusOr<RgbImage> DecodeImage(absl::Span<const uint8_t> encoded, const ImageLimits& limits = {},
                                     std::optional<int> significant_bits = std::nullopt);

// Converts raw pixels. n-bit samples v become round(255 v / (2^n - 1)), saturating; `significant_bits` as above, for
// formats of 16 bits. Bayer patterns are interpolated linearly at the samples' own depth (demosaic.h) and reduced to 8
// bits afterwards; 4:2:2 formats become RGB by BT.601's matrix of the full range (yuv.h).
//
// Every row starts on a byte of its own: a row of packed pixels has ceil(width * bits per pixel / 8) bytes, so at an
// odd width the last pixel of a 12-bit row ends in the middle of a byte, and the rest of that byte is not looked at.
// GenICam (SFNC) pads a line to a whole byte so; what some transports do instead, to let pixels run on across the row's
// end, needs fewer bytes whenever the picture has more than one row, and is refused by its size. Errors, all
// InvalidArgument: non-positive size, stride shorter than a row, data shorter than stride * height (the last row may
// omit its padding) or longer than that and `max_trailing_bytes`, a Bayer picture of less than 2 x 2 pixels, an odd
// width of a 4:2:2 format, significant_bits with a format that has its own, over a limit. Thread-safe.
absl::StatusOr<RgbImage> ConvertRawImage(const RawImage& raw, const ImageLimits& limits = {},
                                         std::optional<int> significant_bits = std::nullopt);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_IMAGE_DECODE_H_
