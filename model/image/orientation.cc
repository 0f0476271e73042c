#include "model/image/orientation.h"

#include <cstddef>
#include <utility>

namespace bayespfl {
namespace {

// Where the upright picture's first pixel lies in the stored one, and how far its right and lower neighbours are from
// it; in pixels.
struct Walk {
  ptrdiff_t start;
  ptrdiff_t right;
  ptrdiff_t down;
};

Walk WalkOf(Orientation orientation, ptrdiff_t width, ptrdiff_t height) {
  const ptrdiff_t last_column = width - 1;
  const ptrdiff_t last_row = width * (height - 1);
  switch (orientation) {
    case Orientation::kUpright:
      break;
    case Orientation::kMirror:
      return {last_column, -1, width};
    case Orientation::kHalfTurn:
      return {last_row + last_column, -1, -width};
    case Orientation::kFlip:
      return {last_row, 1, -width};
    case Orientation::kTranspose:
      return {0, width, 1};
    case Orientation::kQuarterTurn:
      return {last_row, -width, 1};
    case Orientation::kTransverse:
      return {last_row + last_column, -width, -1};
    case Orientation::kThreeQuarterTurn:
      return {last_column, width, -1};
  }
  return {0, 1, width};
}

}  // namespace

Orientation OrientationFromTag(uint64_t value) {
  return value >= 1 && value <= 8 ? static_cast<Orientation>(value) : Orientation::kUpright;
}

RgbImage TurnUpright(RgbImage stored, Orientation orientation) {
  if (orientation == Orientation::kUpright) return stored;
  const Walk walk = WalkOf(orientation, stored.width, stored.height);
  RgbImage upright{stored.width, stored.height, {}, stored.sample_bits};
  if (orientation >= Orientation::kTranspose) std::swap(upright.width, upright.height);
  upright.pixels.resize(stored.pixels.size());
  uint8_t* to = upright.pixels.data();
  for (ptrdiff_t y = 0; y < upright.height; ++y) {
    ptrdiff_t from = walk.start + y * walk.down;
    for (ptrdiff_t x = 0; x < upright.width; ++x, from += walk.right, to += 3) {
      const uint8_t* pixel = stored.pixels.data() + 3 * from;
      to[0] = pixel[0];
      to[1] = pixel[1];
      to[2] = pixel[2];
    }
  }
  return upright;
}

}  // namespace bayespfl
