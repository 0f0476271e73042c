#include "model/detection/pixel_map.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace bayespfl {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
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

TEST(ResizeMapTest, DoublingInterpolatesAtHalfPixelCentres) {
  EXPECT_THAT(ResizeMap({2, 1, {0.0F, 1.0F}}, 4, 1).values, ElementsAre(0.0F, 0.25F, 0.75F, 1.0F));
}

TEST(ResizeMapTest, ASinglePixelFillsAnySize) { EXPECT_THAT(ResizeMap({1, 1, {0.5F}}, 3, 2).values, Each(0.5F)); }

TEST(CountResizedAtLeastTest, CountsThePixelsOfTheResizedMap) {
  PixelMap map{7, 5, std::vector<float>(35)};
  for (size_t i = 0; i < map.values.size(); ++i) map.values[i] = static_cast<float>(i * 11 % 35) / 35.0F;
  const PixelMap resized = ResizeMap(map, 40, 31);
  for (const float threshold : {0.0F, 0.3F, 0.5F, 0.9F, 1.5F}) {
    const auto expected = std::count_if(resized.values.begin(), resized.values.end(),
                                        [threshold](float value) { return value >= threshold; });
    EXPECT_EQ(CountResizedAtLeast(map, 40, 31, threshold), static_cast<uint64_t>(expected)) << threshold;
  }
}

TEST(CountResizedAtLeastTest, AMapOfTheSizeIsCountedAsItIs) {
  EXPECT_EQ(CountResizedAtLeast({3, 1, {0.25F, 0.5F, 0.75F}}, 3, 1, 0.5F), 2U);
}

TEST(HottestMeanTest, AveragesTheLargestValues) {
  PixelMap map{20, 20, std::vector<float>(400)};
  std::iota(map.values.begin(), map.values.end(), 0.0F);
  EXPECT_FLOAT_EQ(HottestMean(map, 0.0075), 398.0F);  // 3 of 400
}

TEST(HottestMeanTest, ATinyMapUsesAtLeastOnePixel) { EXPECT_FLOAT_EQ(HottestMean({2, 1, {0.2F, 0.7F}}, 0.0075), 0.7F); }

// NaN has no order; with many of them a selection by order leaves the map.
TEST(HottestMeanTest, AMapThatHoldsNaNHasNoHottestPart) {
  for (const size_t numbers : {size_t{399}, size_t{200}, size_t{0}}) {
    PixelMap map{20, 20, std::vector<float>(400, std::numeric_limits<float>::quiet_NaN())};
    std::fill_n(map.values.begin(), numbers, 0.5F);
    EXPECT_TRUE(std::isnan(HottestMean(map, 0.0075))) << numbers;
  }
}

}  // namespace
}  // namespace bayespfl
