// What a picture file says about itself in its first bytes. No pixel is decoded and nothing is allocated.
#ifndef BAYESPFL_MODEL_IMAGE_IMAGE_HEADER_H_
#define BAYESPFL_MODEL_IMAGE_IMAGE_HEADER_H_

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace bayespfl::image_internal {

enum class FileFormat {
  kJpeg,
  kPng,
  kBmp,
  kTiff,
  kWebp,
};

// Recognised by signature alone; nullopt for anything else.
std::optional<FileFormat> SniffFormat(absl::Span<const uint8_t> encoded);

// Sides as stored in the header: not yet compared with any limit, possibly 0 (PNG, BMP).
struct PictureSize {
  int64_t width = 0;   // pixels
  int64_t height = 0;  // pixels
};

// Each reads one format's header. Errors, all InvalidArgument: header truncated or inconsistent, or a variant that is
// not supported (named): compressed BMP, animated WebP.
absl::StatusOr<PictureSize> ReadPngSize(absl::Span<const uint8_t> encoded);
absl::StatusOr<PictureSize> ReadWebpSize(absl::Span<const uint8_t> encoded);

// A BMP header, checked as far as that is possible without the pixel limit.
struct BmpHeader {
  PictureSize size;          // height as an absolute value (top-down pictures store it negative)
  int bits_per_pixel = 0;    // 1, 4, 8, 16, 24 or 32
  int64_t pixel_offset = 0;  // bytes from the start of the file

  // Bytes from one row to the next in the file: rows are padded to four bytes.
  [[nodiscard]] int64_t row_bytes() const { return (size.width * bits_per_pixel + 31) / 32 * 4; }
};
absl::StatusOr<BmpHeader> ReadBmpHeader(absl::Span<const uint8_t> encoded);

}  // namespace bayespfl::image_internal

#endif  // BAYESPFL_MODEL_IMAGE_IMAGE_HEADER_H_
