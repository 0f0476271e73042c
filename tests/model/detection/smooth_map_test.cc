#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/detection/pixel_map.h"

namespace bayespfl {
namespace {

using ::testing::Each;
using ::testing::FloatNear;

TEST(SmoothMapTest, SigmaZeroChangesNothing) {
  const PixelMap map{3, 1, {0.1F, 0.9F, 0.3F}};
  EXPECT_EQ(SmoothMap(map, 0).values, map.values);
}

TEST(SmoothMapTest, AConstantMapStaysConstantUpToItsBorder) {
  const PixelMap map{5, 7, std::vector<float>(35, 0.25F)};
  EXPECT_THAT(SmoothMap(map, 4).values, Each(FloatNear(0.25F, 1e-6F)));  // radius 16 exceeds the map
}

TEST(SmoothMapTest, AnImpulseBecomesTheGaussianKernel) {
  PixelMap map{41, 41, std::vector<float>(41 * 41, 0.0F)};
  map.values[20 * 41 + 20] = 1.0F;
  const PixelMap smooth = SmoothMap(map, 2);
  double kernel_sum = 0;
  for (int i = -8; i <= 8; ++i) kernel_sum += std::exp(-i * i / 8.0);
  EXPECT_NEAR(smooth.values[20 * 41 + 20], 1 / (kernel_sum * kernel_sum), 1e-7);
  EXPECT_NEAR(smooth.values[23 * 41 + 19], std::exp(-10 / 8.0) / (kernel_sum * kernel_sum), 1e-7);
  EXPECT_EQ(smooth.values[20 * 41 + 29], 0.0F);  // outside the radius of 8
}

TEST(SmoothMapTest, TheBorderIsReflectedAtHalfSamples) {
  const PixelMap map{4, 1, {1.0F, 0.0F, 0.0F, 0.0F}};
  const PixelMap smooth = SmoothMap(map, 0.5);  // radius 2
  const double side = std::exp(-2.0);
  const double far = std::exp(-8.0);
  const double sum = 1 + 2 * side + 2 * far;
  EXPECT_NEAR(smooth.values[0], (1 + side) / sum, 1e-6);  // b a | a b: the neighbour outside is the pixel itself
  EXPECT_NEAR(smooth.values[1], (side + far) / sum, 1e-6);
}

int Reflected(int index, int length) {
  while (index < 0 || index >= length) index = index < 0 ? -1 - index : 2 * length - 1 - index;
  return index;
}

// One axis as the formula reads, a pixel at a time: `index_of(line, i)` is where the i-th of `length` pixels stands.
template <typename IndexOf>
std::vector<float> SmoothedAxis(const std::vector<float>& values, double sigma, int lines, int length,
                                IndexOf index_of) {
  const int radius = static_cast<int>(4 * sigma + 0.5);
  std::vector<double> kernel;
  double total = 0;
  for (int k = -radius; k <= radius; ++k) kernel.push_back(std::exp(-0.5 * k * k / (sigma * sigma)));
  for (const double weight : kernel) total += weight;
  std::vector<float> smoothed(values.size());
  for (int line = 0; line < lines; ++line) {
    for (int i = 0; i < length; ++i) {
      double sum = 0;
      for (int k = -radius; k <= radius; ++k) {
        sum += kernel[static_cast<size_t>(k + radius)] / total * values[index_of(line, Reflected(i + k, length))];
      }
      smoothed[index_of(line, i)] = static_cast<float>(sum);
    }
  }
  return smoothed;
}

// The sums have the formula's order, so that they have its bits: no number of a result has changed with their speed.
TEST(SmoothMapTest, EverySizeGivesTheFormulasResult) {
  for (const double sigma : {0.5, 1.3, 4.0, 8.0}) {
    for (const int width : {1, 2, 15, 16, 17, 48, 50}) {
      for (const int height : {1, 3, 19, 40}) {
        PixelMap map{width, height, std::vector<float>(static_cast<size_t>(width * height))};
        for (size_t i = 0; i < map.values.size(); ++i) map.values[i] = static_cast<float>(i * 7919 % 1009) / 1009.0F;
        const auto down = [&](int x, int y) { return static_cast<size_t>(y * width + x); };
        const auto along = [&](int y, int x) { return static_cast<size_t>(y * width + x); };
        const std::vector<float> vertical = SmoothedAxis(map.values, sigma, width, height, down);
        const std::vector<float> expected = SmoothedAxis(vertical, sigma, height, width, along);
        const std::vector<float> smooth = SmoothMap(map, sigma).values;
        ASSERT_EQ(smooth.size(), expected.size());
        for (size_t i = 0; i < smooth.size(); ++i) {
          ASSERT_FLOAT_EQ(smooth[i], expected[i]) << sigma << ", " << width << " x " << height << ": " << i;
        }
      }
    }
  }
}

}  // namespace
}  // namespace bayespfl
