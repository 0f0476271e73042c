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

TEST(ResizeMapTest, DoublingInterpolatesAtHalfPixelCentres) {
  EXPECT_THAT(ResizeMap({2, 1, {0.0F, 1.0F}}, 4, 1).values, ElementsAre(0.0F, 0.25F, 0.75F, 1.0F));
}

// The formula, a pixel at a time.
float ResizedAt(const PixelMap& map, int width, int height, int x, int y) {
  const double column = std::clamp((x + 0.5) * map.width / width - 0.5, 0.0, map.width - 1.0);
  const double row = std::clamp((y + 0.5) * map.height / height - 0.5, 0.0, map.height - 1.0);
  const auto at = [&](int r, int c) {
    return double{
        map.values[static_cast<size_t>(std::min(r, map.height - 1) * map.width + std::min(c, map.width - 1))]};
  };
  const int left = static_cast<int>(column);
  const int top = static_cast<int>(row);
  const double upper = at(top, left) + (column - left) * (at(top, left + 1) - at(top, left));
  const double lower = at(top + 1, left) + (column - left) * (at(top + 1, left + 1) - at(top + 1, left));
  return static_cast<float>(upper + (row - top) * (lower - upper));
}

// Rows of the map are used again from one row of the result to the next when it is taller, and left out when it is not.
TEST(ResizeMapTest, EverySizeGivesTheFormulasResult) {
  PixelMap map{23, 17, std::vector<float>(23 * 17)};
  for (size_t i = 0; i < map.values.size(); ++i) map.values[i] = static_cast<float>(i * 37 % 391) / 391.0F;
  for (const int width : {1, 2, 11, 22, 23, 24, 60}) {
    for (const int height : {1, 2, 5, 8, 16, 17, 18, 49}) {
      const PixelMap resized = ResizeMap(map, width, height);
      ASSERT_EQ(resized.values.size(), static_cast<size_t>(width * height));
      for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
          ASSERT_NEAR(resized.values[static_cast<size_t>(y * width + x)], ResizedAt(map, width, height, x, y), 1e-6)
              << width << " x " << height << ": " << x << ", " << y;
        }
      }
    }
  }
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
