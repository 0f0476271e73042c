#include "model/image/yuv.h"

#include <algorithm>

namespace bayespfl::image_internal {
namespace {

// round(dividend / divisor), halves up, of a quotient above -256: 1.772 * 125 is a half, which fixed point would miss.
template <int32_t divisor>
int32_t Rounded(int32_t dividend) {
  constexpr int32_t kBias = 256;
  return static_cast<int32_t>(static_cast<uint32_t>(dividend + divisor / 2 + kBias * divisor) / uint32_t{divisor}) -
         kBias;
}

uint8_t Clamped(int32_t value) { return static_cast<uint8_t>(std::clamp(value, 0, 255)); }

}  // namespace

void ConvertYuv422Row(const uint8_t* row, int64_t pairs, bool luma_first, uint8_t* rgb) {
  const int luma = luma_first ? 0 : 1;
  const int chroma = 1 - luma;
  for (int64_t i = 0; i < pairs; ++i, row += 4) {
    const int32_t u = row[chroma] - 128;
    const int32_t v = row[chroma + 2] - 128;
    const int32_t red = Rounded<1000>(1402 * v);
    const int32_t green = Rounded<587'000>(-114 * 1772 * u - 299 * 1402 * v);
    const int32_t blue = Rounded<1000>(1772 * u);
    for (const uint8_t y : {row[luma], row[luma + 2]}) {
      rgb[0] = Clamped(y + red);
      rgb[1] = Clamped(y + green);
      rgb[2] = Clamped(y + blue);
      rgb += 3;
    }
  }
}

}  // namespace bayespfl::image_internal
