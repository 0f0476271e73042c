// Camera pictures -> RGB8: encoded files (JPEG, PNG, BMP, TIFF, WebP) and raw PFNC pixel buffers.
//
// Differences from the reference's loader (Pillow): palette, bilevel and alpha pictures become RGB *before* the resize;
// alpha is dropped, not composited. As there, a TIFF is turned by its Orientation tag, while the EXIF orientation of
// JPEG, PNG and WebP is left to the caller (orientation.h); colour profiles are ignored.
//
// Not supported, and refused by name: CMYK JPEG; compressed BMP; animated WebP; the TIFF variants that
// model/image/tiff.h lists. Of a TIFF with several pages the first is read, unless it says that it is a thumbnail; of
// an animated PNG the still picture.
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

namespace bayespfl {

// What a picture may cost. Checked against the picture's header, before any pixel is decoded.
struct ImageLimits {
  int64_t max_bytes = int64_t{64} << 20;  // encoded or raw size in bytes
  int64_t max_pixels = 100'000'000;       // width * height
};

// Whether an error of this file's functions says that the picture is over one of the limits, or over those that no
// setting changes: not damaged, only too large.
bool IsOverImageLimit(const absl::Status& status);

// Pixel formats of the Pixel Format Naming Convention (EMVA/AIA PFNC 2.4) that cameras deliver.
enum class PixelFormat {
  kMono8,
  kMono10,        // 16-bit little-endian, 10 significant bits
  kMono12,        // 16-bit little-endian, 12 significant bits
  kMono16,        // 16-bit little-endian
  kMono12Packed,  // GigE Vision: 3 bytes hold 2 pixels; byte 1 has pixel 0's low nibble in its low 4 bits
  kMono12p,       // PFNC: 3 bytes hold 2 pixels, contiguous little-endian bits
  kBayerRG8,      // named after the first two pixels of the first row (PFNC), unlike OpenCV's constants
  kBayerGB8,
  kBayerGR8,
  kBayerBG8,
  kRGB8,
  kBGR8,
  kRGBa8,
};

// PFNC's name ("Mono12p") <-> format. Unknown names give nullopt.
absl::string_view PixelFormatName(PixelFormat format);
std::optional<PixelFormat> PixelFormatFromName(absl::string_view name);

// PFNC's 32-bit value (0x010C0047) <-> format. Unknown values give nullopt.
uint32_t PfncValue(PixelFormat format);
std::optional<PixelFormat> PixelFormatFromPfncValue(uint32_t value);

// A borrowed buffer of raw pixels.
struct RawImage {
  absl::Span<const uint8_t> data;
  int64_t width = 0;   // pixels
  int64_t height = 0;  // pixels
  int64_t stride = 0;  // bytes from one row to the next; 0: rows follow each other without padding
  PixelFormat format = PixelFormat::kMono8;
};

// Decodes an encoded picture. 16-bit samples v become round(v / 257), or round(255 v / (2^n - 1)) with
// `significant_bits` = n in 9..16 (values above 2^n - 1 saturate); 8-bit samples stay as they are.
// Errors, all InvalidArgument: empty, unknown format, damaged or truncated data (every JPEG warning that means lost
// data counts), over a limit (the message names the limit, its value and the server setting), a side above 2^20 pixels,
// significant_bits outside 9..16. Thread-safe.
absl::StatusOr<RgbImage> DecodeImage(absl::Span<const uint8_t> encoded, const ImageLimits& limits = {},
                                     std::optional<int> significant_bits = std::nullopt);

// Converts raw pixels; Bayer patterns by bilinear interpolation (mirrored at the border). Mono10 and Mono12 values v
// become round(255 v / (2^n - 1)), saturating. A row of a 12-bit packed format has ceil(12 width / 8) bytes.
// `significant_bits` as above, for Mono16 only.
// Errors, all InvalidArgument: non-positive size, stride shorter than a row, data shorter or longer than
// stride * height (the last row may omit its padding), a Bayer picture of less than 2 x 2 pixels, significant_bits with
// another format than Mono16, over a limit. Thread-safe.
absl::StatusOr<RgbImage> ConvertRawImage(const RawImage& raw, const ImageLimits& limits = {},
                                         std::optional<int> significant_bits = std::nullopt);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_IMAGE_DECODE_H_
