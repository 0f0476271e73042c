#include "model/training_data/mosaic.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "model/image/resample.h"

namespace bayespfl {
namespace {

// Of a mask [height, width], the pixel in which the middle of each new one lies.
std::vector<uint8_t> ResizeNearest(const std::vector<uint8_t>& mask, int width, int height, int out_width,
                                   int out_height) {
  std::vector<uint8_t> resized(static_cast<size_t>(out_width) * static_cast<size_t>(out_height));
  size_t at = 0;
  for (int64_t y = 0; y < out_height; ++y) {
    const int64_t from_y = (2 * y + 1) * height / (2 * int64_t{out_height});
    for (int64_t x = 0; x < out_width; ++x) {
      const int64_t from_x = (2 * x + 1) * width / (2 * int64_t{out_width});
      resized[at++] = mask[static_cast<size_t>(from_y * width + from_x)];
    }
  }
  return resized;
}

LabelledPicture AtSize(const LabelledPicture& part, int width, int height) {
  return {ResizeBicubic(part.picture, width, height),
          ResizeNearest(part.mask, part.picture.width, part.picture.height, width, height), part.anomalous};
}

// Copies rows [rows, row] to columns that begin `left` bytes from the left, in rows of `out_row` bytes.
void Paste(const std::vector<uint8_t>& from, size_t row, size_t top, size_t left, size_t out_row,
           std::vector<uint8_t>& to) {
  for (size_t y = 0; y * row < from.size(); ++y) {
    std::copy_n(from.data() + y * row, row, to.data() + (top + y) * out_row + left);
  }
}

}  // namespace

LabelledPicture MakeMosaic(const std::array<LabelledPicture, 4>& parts) {
  const int width = parts[0].picture.width;
  const int height = parts[0].picture.height;
  const auto row = static_cast<size_t>(width);
  const size_t pixels = 4 * parts[0].picture.pixel_count();
  LabelledPicture mosaic{
      {2 * width, 2 * height, std::vector<uint8_t>(3 * pixels)}, std::vector<uint8_t>(pixels), false};
  for (size_t i = 0; i < parts.size(); ++i) {
    const bool fits = parts[i].picture.width == width && parts[i].picture.height == height;
    std::optional<LabelledPicture> resized;
    if (!fits) resized = AtSize(parts[i], width, height);
    const LabelledPicture& part = fits ? parts[i] : *resized;
    const size_t top = i / 2 * static_cast<size_t>(height);
    const size_t left = i % 2 * row;
    Paste(part.picture.pixels, 3 * row, top, 3 * left, 6 * row, mosaic.picture.pixels);
    Paste(part.mask, row, top, left, 2 * row, mosaic.mask);
    mosaic.anomalous = mosaic.anomalous || part.anomalous;
  }
  return mosaic;
}

}  // namespace bayespfl
