// BMP files of every family, built field by field.
#ifndef BAYESPFL_TESTS_MODEL_IMAGE_BMP_FILE_H_
#define BAYESPFL_TESTS_MODEL_IMAGE_BMP_FILE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace bayespfl::testing {

// What each header is called in docs: 12 is OS/2 1.x, 16 to 64 OS/2 2.x, 40, 52, 56, 108 and 124 Windows.
struct BmpFile {
  int32_t width = 1;
  int32_t height = 1;  // negative: top-down
  uint32_t bits = 24;
  uint32_t header_bytes = 40;
  uint32_t compression = 0;
  uint32_t colors = 0;                            // as announced
  std::vector<uint32_t> masks = {};               // behind a header of 40 bytes, inside longer ones
  std::vector<uint8_t> palette = {};              // blue, green, red, and a fourth byte but in OS/2 1.x
  std::vector<uint8_t> pixels = {};               // rows or run lengths
  std::optional<uint32_t> offset = std::nullopt;  // of the pixels, as announced; they follow the palette in any case

  [[nodiscard]] std::vector<uint8_t> Build() const {
    std::vector<uint8_t> file(14 + header_bytes, 0);
    Put(file, 14, header_bytes, 4);
    if (header_bytes == 12) {
      PutShape(file, 2);
    } else {
      PutShape(file, 4);
      PutIfThere(file, 14 + 16, compression);
      PutIfThere(file, 14 + 32, colors);
    }
    if (header_bytes == 40) file.resize(file.size() + 4 * masks.size());
    for (size_t i = 0; i < masks.size(); ++i) Put(file, 14 + 40 + 4 * i, masks[i], 4);
    file.insert(file.end(), palette.begin(), palette.end());
    file[0] = 'B';
    file[1] = 'M';
    Put(file, 10, offset.value_or(static_cast<uint32_t>(file.size())), 4);
    file.insert(file.end(), pixels.begin(), pixels.end());
    return file;
  }

 private:
  static void Put(std::vector<uint8_t>& file, size_t at, uint32_t value, size_t bytes) {
    for (size_t i = 0; i < bytes; ++i) file[at + i] = static_cast<uint8_t>(value >> (8 * i));
  }

  void PutIfThere(std::vector<uint8_t>& file, size_t at, uint32_t value) const {
    if (at + 4 <= 14 + header_bytes) Put(file, at, value, 4);
  }

  // Sides, planes and depth, which have different places in the oldest header.
  void PutShape(std::vector<uint8_t>& file, size_t side_bytes) const {
    Put(file, 18, static_cast<uint32_t>(width), side_bytes);
    Put(file, 18 + side_bytes, static_cast<uint32_t>(height), side_bytes);
    Put(file, 18 + 2 * side_bytes, 1, 2);
    Put(file, 20 + 2 * side_bytes, bits, 2);
  }
};

}  // namespace bayespfl::testing

#endif  // BAYESPFL_TESTS_MODEL_IMAGE_BMP_FILE_H_
