// Pixel formats of the Pixel Format Naming Convention (EMVA PFNC 2.4) that cameras deliver.
#ifndef BAYESPFL_MODEL_IMAGE_PIXEL_FORMAT_H_
#define BAYESPFL_MODEL_IMAGE_PIXEL_FORMAT_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/strings/string_view.h"

namespace bayespfl {

// Named as PFNC names them. Samples of more than 8 bits are little-endian:
//   10, 12, 14, 16   a sample in the low bits of two bytes
//   10p, 12p         PFNC: bits follow each other, the least significant first; so 4 samples have 5 bytes, or 2 have 3
//   10Packed, 12Packed   GigE Vision: 3 bytes hold 2 samples; bytes 0 and 2 the upper eight bits of one each, byte 1
//   the
//                    lower bits of the first in its low nibble and those of the second in its high nibble
// A Bayer pattern is named after the first two pixels of the first row, unlike OpenCV's constants.
enum class PixelFormat {
  kMono8,
  kMono10,
  kMono12,
  kMono14,
  kMono16,
  kMono10p,
  kMono12p,
  kMono10Packed,
  kMono12Packed,
  kBayerGR8,
  kBayerRG8,
  kBayerGB8,
  kBayerBG8,
  kBayerGR10,
  kBayerRG10,
  kBayerGB10,
  kBayerBG10,
  kBayerGR12,
  kBayerRG12,
  kBayerGB12,
  kBayerBG12,
  kBayerGR16,
  kBayerRG16,
  kBayerGB16,
  kBayerBG16,
  kBayerGR10Packed,
  kBayerRG10Packed,
  kBayerGB10Packed,
  kBayerBG10Packed,
  kBayerGR12Packed,
  kBayerRG12Packed,
  kBayerGB12Packed,
  kBayerBG12Packed,
  kBayerGR10p,
  kBayerRG10p,
  kBayerGB10p,
  kBayerBG10p,
  kBayerGR12p,
  kBayerRG12p,
  kBayerGB12p,
  kBayerBG12p,
  kRGB8,
  kBGR8,
  kRGBa8,
  kBGRa8,
  kRGB10,
  kRGB12,
  kRGB16,
  kYUV422_8,
  kYUV422_8_UYVY,
  kYCbCr422_8,
};

// All of them, in the order above.
std::vector<PixelFormat> AllPixelFormats();

// PFNC's name ("Mono12p") <-> format. Unknown names give nullopt.
absl::string_view PixelFormatName(PixelFormat format);
std::optional<PixelFormat> PixelFormatFromName(absl::string_view name);

// PFNC's 32-bit value (0x010C0047) <-> format. Unknown values give nullopt.
uint32_t PfncValue(PixelFormat format);
std::optional<PixelFormat> PixelFormatFromPfncValue(uint32_t value);

// Whether the format says 16 bits, of which the sensor may fill fewer: Mono16, Bayer..16, RGB16.
bool TakesSignificantBits(PixelFormat format);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_IMAGE_PIXEL_FORMAT_H_
