// Luma and colour differences of cameras -> RGB8.
#ifndef BAYESPFL_MODEL_IMAGE_YUV_H_
#define BAYESPFL_MODEL_IMAGE_YUV_H_

#include <cstdint>

namespace bayespfl::image_internal {

// Converts a row of 4:2:2 pixels, 4 bytes for 2 pixels: Y0 U Y1 V, or U Y0 V Y1 with `luma_first` false. `pairs` > 0;
// `rgb` has room for 6 * pairs bytes. Both pixels of a pair have its colour differences: whether a camera sits them on
// the first pixel or between the two, PFNC does not say.
//
// BT.601's matrix with the full range, Y and colour differences 0..255, the latter around 128: so PFNC defines
// YCbCr422_8 (YCbCr601_422_8 is the one with BT.601's 16..235), and so GigE Vision and its cameras' manuals give their
// YUV:
//   R = Y + 1.402 (V - 128)
//   G = Y - 0.114 * 1.772 / 0.587 (U - 128) - 0.299 * 1.402 / 0.587 (V - 128)
//   B = Y + 1.772 (U - 128)
// each rounded to the nearest, halves up, and cut to 0..255. Thread-safe.
void ConvertYuv422Row(const uint8_t* row, int64_t pairs, bool luma_first, uint8_t* rgb);

}  // namespace bayespfl::image_internal

#endif  // BAYESPFL_MODEL_IMAGE_YUV_H_
