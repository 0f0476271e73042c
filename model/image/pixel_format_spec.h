// How the pixels of each format lie in memory.
#ifndef BAYESPFL_MODEL_IMAGE_PIXEL_FORMAT_SPEC_H_
#define BAYESPFL_MODEL_IMAGE_PIXEL_FORMAT_SPEC_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "model/image/pixel_format.h"

namespace bayespfl::image_internal {

// Where the bits of a sample are, see PixelFormat.
enum class SampleLayout {
  kBytes,
  kWords,      // 2 bytes each
  kBitStream,  // "p"
  kPairs,      // "Packed"
};

// What the samples of a pixel mean.
enum class PixelKind {
  kGray,
  kBayerRG,
  kBayerGB,
  kBayerGR,
  kBayerBG,
  kRgb,
  kBgr,
  kRgba,
  kBgra,
  kYuyv,  // two pixels: Y0 U Y1 V
  kUyvy,  // two pixels: U Y0 V Y1
};

struct PixelFormatSpec {
  PixelFormat format;
  absl::string_view name;
  uint32_t pfnc_value;
  SampleLayout layout;
  int bits;  // of a sample, 8..16
  PixelKind kind;

  // What a pixel takes up in memory: PFNC has it in its value, bits 16 to 23.
  [[nodiscard]] constexpr int bits_per_pixel() const { return static_cast<int>((pfnc_value >> 16) & 0xffU); }
};

// Null for a value that is no format.
const PixelFormatSpec* FindSpec(PixelFormat format);

}  // namespace bayespfl::image_internal

#endif  // BAYESPFL_MODEL_IMAGE_PIXEL_FORMAT_SPEC_H_
