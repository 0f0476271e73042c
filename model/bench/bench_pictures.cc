#include "model/bench/bench_pictures.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <random>
#include <vector>

namespace bayespfl {
namespace {

constexpr int kRectangles = 200;

size_t At(const RgbImage& picture, int x, int y) {
  return 3 * (static_cast<size_t>(y) * static_cast<size_t>(picture.width) + static_cast<size_t>(x));
}

}  // namespace

RgbImage DrawBenchPicture(int width, int height, uint32_t number) {
  RgbImage picture{width, height,
                   std::vector<uint8_t>(3 * static_cast<size_t>(width) * static_cast<size_t>(height), 128)};
  std::mt19937 random(number);  // the standard says what it gives; of the distributions it does not
  const auto below = [&](int limit) { return static_cast<int>(random() % static_cast<uint32_t>(limit)); };
  for (int i = 0; i < kRectangles; ++i) {
    const int left = below(width);
    const int top = below(height);
    const int right = std::min(width, left + 1 + below(width / 4));
    const int bottom = std::min(height, top + 1 + below(height / 4));
    const std::array<uint8_t, 3> colour = {static_cast<uint8_t>(below(256)), static_cast<uint8_t>(below(256)),
                                           static_cast<uint8_t>(below(256))};
    for (int y = top; y < bottom; ++y) {
      for (int x = left; x < right; ++x) std::copy(colour.begin(), colour.end(), &picture.pixels[At(picture, x, y)]);
    }
  }
  return picture;
}

}  // namespace bayespfl
