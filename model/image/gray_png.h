// Gray PNG files with their own samples: maps and masks rather than pictures, whose 16 bits count.
#ifndef BAYESPFL_MODEL_IMAGE_GRAY_PNG_H_
#define BAYESPFL_MODEL_IMAGE_GRAY_PNG_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/image/decode.h"

namespace bayespfl {

// A gray picture as a file stores it.
struct GrayImage {
  int width = 0;                  // pixels
  int height = 0;                 // pixels
  int bits = 8;                   // 8 or 16; files of 1, 2 and 4 bits are spread to 8
  std::vector<uint16_t> samples;  // [height, width], 0 .. 2^bits - 1
};

// What EncodePng() wrote as gray, and every other gray PNG without alpha. InvalidArgument: not a PNG or not gray,
// damaged, truncated, or over a limit. Thread-safe.
absl::StatusOr<GrayImage> DecodeGrayPng(absl::Span<const uint8_t> encoded, const ImageLimits& limits = {});

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_IMAGE_GRAY_PNG_H_
