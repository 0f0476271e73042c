#include "model/verdict/contour.h"

#include <array>
#include <cstdlib>
#include <functional>
#include <queue>
#include <utility>

namespace bayespfl {
namespace {

// Right, down, left, up: turning right is the next one.
constexpr std::array<Corner, 4> kSteps = {Corner{1, 0}, Corner{0, 1}, Corner{-1, 0}, Corner{0, -1}};

// The pixel that lies ahead of a corner on the left, and on the right, of each direction; relative to the pixel whose
// upper left corner it is.
constexpr std::array<Corner, 4> kAheadLeft = {Corner{0, -1}, Corner{0, 0}, Corner{-1, 0}, Corner{-1, -1}};
constexpr std::array<Corner, 4> kAheadRight = {Corner{0, 0}, Corner{-1, 0}, Corner{-1, -1}, Corner{0, -1}};

struct Labels {
  absl::Span<const uint32_t> numbers;
  int width;
  int height;
  uint32_t label;

  [[nodiscard]] bool Inside(Corner corner, Corner offset) const {
    const int x = corner.x + offset.x;
    const int y = corner.y + offset.y;
    return x >= 0 && y >= 0 && x < width && y < height &&
           numbers[static_cast<size_t>(y) * static_cast<size_t>(width) + static_cast<size_t>(x)] == label;
  }
};

// Twice the area of the triangle.
int64_t TwiceArea(Corner a, Corner b, Corner c) {
  const int64_t cross = int64_t{b.x - a.x} * (c.y - a.y) - int64_t{b.y - a.y} * (c.x - a.x);
  return std::abs(cross);
}

}  // namespace

std::vector<Corner> TraceOutline(absl::Span<const uint32_t> labels, int width, int height, size_t first) {
  const Labels region{labels, width, height, labels[first]};
  const Corner start = {static_cast<int>(first % static_cast<size_t>(width)),
                        static_cast<int>(first / static_cast<size_t>(width))};
  // The region lies to the right of the way. No pixel of it is above or left of the first one, so the way comes by the
  // start only once.
  std::vector<Corner> outline = {start};
  Corner at = start;
  size_t direction = 0;
  for (;;) {
    at = {at.x + kSteps[direction].x, at.y + kSteps[direction].y};
    if (at == start) return outline;
    if (region.Inside(at, kAheadLeft[direction])) {
      direction = (direction + 3) % 4;  // also past a pixel that touches at the corner only
    } else if (!region.Inside(at, kAheadRight[direction])) {
      direction = (direction + 1) % 4;
    } else {
      continue;
    }
    outline.push_back(at);
  }
}

std::vector<Corner> SimplifyOutline(const std::vector<Corner>& outline, size_t points) {
  const size_t count = outline.size();
  if (count <= points) return outline;
  std::vector<size_t> previous(count);
  std::vector<size_t> next(count);
  std::vector<int64_t> area(count);
  using Candidate = std::pair<int64_t, size_t>;  // area, corner
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> candidates;
  const auto weigh = [&](size_t i) {
    area[i] = TwiceArea(outline[previous[i]], outline[i], outline[next[i]]);
    candidates.emplace(area[i], i);
  };
  for (size_t i = 0; i < count; ++i) {
    previous[i] = (i + count - 1) % count;
    next[i] = (i + 1) % count;
  }
  for (size_t i = 0; i < count; ++i) weigh(i);
  constexpr int64_t kRemoved = -1;
  for (size_t left = count; left > points;) {
    const auto [weight, i] = candidates.top();
    candidates.pop();
    if (weight != area[i]) continue;  // weighed anew since, or removed
    area[i] = kRemoved;
    next[previous[i]] = next[i];
    previous[next[i]] = previous[i];
    --left;
    weigh(previous[i]);
    weigh(next[i]);
  }
  std::vector<Corner> simple;
  simple.reserve(points);
  for (size_t i = 0; i < count; ++i) {
    if (area[i] != kRemoved) simple.push_back(outline[i]);
  }
  return simple;
}

}  // namespace bayespfl
