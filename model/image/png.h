// PNG -> RGB8 with libpng.
//
// Why not OpenCV: it lets libpng write what it thinks of a damaged file to the server's standard error, tells nobody
// why a file was refused, and limits sides to less than the other formats have here.
#ifndef BAYESPFL_MODEL_IMAGE_PNG_H_
#define BAYESPFL_MODEL_IMAGE_PNG_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/image/decode.h"
#include "model/image/image.h"
#include "model/image/sample_scale.h"

namespace bayespfl::image_internal {

// Decodes gray, palette and RGB of every depth that PNG has, interlaced or not; gray becomes RGB, alpha is dropped,
// 16-bit samples go through `scale`, and so do a palette's indices where these are labels. The checksum of every
// critical chunk must be right. All other chunks are left out, so that text, profiles, animation and transparency cost
// nothing and change nothing, damaged ones included. A file may end behind its last pixel instead of behind its end
// chunk; bytes after that are ignored, and so is a window size in the compressed data's header that is too small, which
// some writers leave there. `encoded` starts with the signature. Errors, all InvalidArgument: damaged or truncated
// data, an unknown critical chunk (refused by name), an index outside the palette, over a limit. Thread-safe.
absl::StatusOr<RgbImage> DecodePng(absl::Span<const uint8_t> encoded, const ImageLimits& limits, SampleScale scale);

}  // namespace bayespfl::image_internal

#endif  // BAYESPFL_MODEL_IMAGE_PNG_H_
