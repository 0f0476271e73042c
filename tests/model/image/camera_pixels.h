// Pictures as cameras send them, written down from PFNC's definitions one bit or pixel at a time: what the product's
// conversions are compared with, so it shares nothing with them.
#ifndef BAYESPFL_TESTS_MODEL_IMAGE_CAMERA_PIXELS_H_
#define BAYESPFL_TESTS_MODEL_IMAGE_CAMERA_PIXELS_H_

#include <cstdint>
#include <string>
#include <vector>

namespace bayespfl::testing {

// Samples of one picture, row by row.
struct Samples {
  int width = 0;   // samples of a row: three a pixel where there are three colours
  int height = 0;  // rows
  int bits = 0;
  std::vector<uint32_t> values;

  [[nodiscard]] uint32_t at(int x, int y) const;
  // The same at a place outside, mirrored at the outermost sample.
  [[nodiscard]] uint32_t mirrored(int x, int y) const;
};

// Values of `bits` bits without any order; the same for the same arguments.
Samples RandomSamples(int width, int height, int bits);

// The bytes of the samples in a format, `stride` apart; unused bits and padding are ones. `layout`: "words", "p" (one
// stream of bits, least significant first) or "Packed" (GigE Vision: two samples in three bytes).
std::vector<uint8_t> Packed(const Samples& samples, const std::string& layout, int stride);

// R, G, B of every pixel of a mosaic: the mean of the nearest samples of that colour, in 8 bits. `pattern` is the 2 x 2
// cell, row by row ("RGGB"). The mean of samples of 14 bits or less is not rounded before it becomes 8-bit.
std::vector<uint8_t> Interpolated(const Samples& mosaic, const std::string& pattern);

// round(255 value / (2^bits - 1)), halves up.
uint8_t Reduced(uint64_t value, int bits);

}  // namespace bayespfl::testing

#endif  // BAYESPFL_TESTS_MODEL_IMAGE_CAMERA_PIXELS_H_
