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
// not supported (named): animated WebP. BMP and TIFF, whose headers say more, have readers of their own.
absl::StatusOr<PictureSize> ReadPngSize(absl::Span<const uint8_t> encoded);
absl::StatusOr<PictureSize> ReadWebpSize(absl::Span<const uint8_t> encoded);

}  // namespace bayespfl::image_internal

#endif  // BAYESPFL_MODEL_IMAGE_IMAGE_HEADER_H_
