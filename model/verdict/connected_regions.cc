#include "model/verdict/connected_regions.h"

#include <algorithm>
#include <cstring>

namespace bayespfl {
namespace {

// The first non-zero pixel at or after `from`; the mask's size: there is none. Eight at a time, since most of a mask is
// outside.
size_t NextInside(absl::Span<const uint8_t> mask, size_t from) {
  uint64_t pixels = 0;
  for (; from + sizeof(pixels) <= mask.size(); from += sizeof(pixels)) {
    std::memcpy(&pixels, mask.data() + from, sizeof(pixels));
    if (pixels != 0) break;
  }
  while (from < mask.size() && mask[from] == 0) ++from;
  return from;
}

// Moves the non-zero ones of a pixel and its eight neighbours from the mask to `region`.
void TakeNeighbourhood(size_t pixel, size_t width, size_t height, absl::Span<uint8_t> mask,
                       std::vector<size_t>& region) {
  const size_t row = pixel / width;
  const size_t column = pixel % width;
  const size_t last_row = std::min(row + 1, height - 1);
  const size_t last_column = std::min(column + 1, width - 1);
  for (size_t y = row == 0 ? 0 : row - 1; y <= last_row; ++y) {
    for (size_t x = column == 0 ? 0 : column - 1; x <= last_column; ++x) {
      uint8_t& value = mask[y * width + x];
      if (value == 0) continue;
      value = 0;
      region.push_back(y * width + x);
    }
  }
}

}  // namespace

void VisitRegions(int width, int height, absl::Span<uint8_t> mask,
                  absl::FunctionRef<void(absl::Span<const size_t> pixels)> visit) {
  std::vector<size_t> region;
  for (size_t first = NextInside(mask, 0); first < mask.size(); first = NextInside(mask, first)) {
    region.clear();
    TakeNeighbourhood(first, static_cast<size_t>(width), static_cast<size_t>(height), mask, region);
    // Breadth first: the region found so far is its own queue.
    for (size_t next = 0; next < region.size(); ++next) {
      TakeNeighbourhood(region[next], static_cast<size_t>(width), static_cast<size_t>(height), mask, region);
    }
    visit(region);
  }
}

}  // namespace bayespfl
