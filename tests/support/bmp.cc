#include "tests/support/bmp.h"

#include <cstddef>
#include <cstdint>

namespace bayespfl::testing {
namespace {

constexpr size_t kInfoHeaderBytes = 40;
constexpr size_t kHeaderBytes = 14 + kInfoHeaderBytes;

void AppendLittleEndian(std::string& file, size_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) file += static_cast<char>((value >> (8 * i)) & 0xFF);
}

// File header and BITMAPINFOHEADER.
std::string Header(size_t width, size_t height, size_t row_bytes) {
  std::string header = "BM";
  AppendLittleEndian(header, kHeaderBytes + row_bytes * height, 4);
  AppendLittleEndian(header, 0, 4);  // reserved
  AppendLittleEndian(header, kHeaderBytes, 4);
  AppendLittleEndian(header, kInfoHeaderBytes, 4);
  AppendLittleEndian(header, width, 4);
  AppendLittleEndian(header, height, 4);
  AppendLittleEndian(header, 1, 2);   // planes
  AppendLittleEndian(header, 24, 2);  // bits a pixel
  header.resize(kHeaderBytes, '\0');  // no compression, no palette
  return header;
}

}  // namespace

std::string Bmp(const RgbImage& image) {
  const auto width = static_cast<size_t>(image.width);
  const auto height = static_cast<size_t>(image.height);
  const size_t row_bytes = (3 * width + 3) / 4 * 4;
  std::string file = Header(width, height, row_bytes);
  for (size_t row = height; row-- > 0;) {  // from the bottom
    for (size_t column = 0; column < width; ++column) {
      const uint8_t* const rgb = &image.pixels[3 * (row * width + column)];
      for (const int channel : {2, 1, 0}) file += static_cast<char>(rgb[channel]);
    }
    file.append(row_bytes - 3 * width, '\0');
  }
  return file;
}

}  // namespace bayespfl::testing
