#include "model/evaluation/pixel_threshold.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace bayespfl {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

float ThresholdOf(const std::vector<float>& values, double percentile) {
  absl::StatusOr<PixelThreshold> pixels = PixelThreshold::Create(static_cast<int64_t>(values.size()), percentile);
  EXPECT_TRUE(pixels.ok()) << pixels.status();
  pixels->Add(values);
  const absl::StatusOr<float> threshold = pixels->Threshold();
  EXPECT_TRUE(threshold.ok()) << threshold.status();
  return threshold.value_or(-1);
}

std::vector<float> Ramp(int count) {
  std::vector<float> values;
  for (int i = 0; i < count; ++i) values.push_back(static_cast<float>(i) / static_cast<float>(count));
  std::shuffle(values.begin(), values.end(), std::mt19937(1));
  return values;
}

int64_t Reaching(const std::vector<float>& values, float threshold) {
  return std::count_if(values.begin(), values.end(), [&](float value) { return value >= threshold; });
}

TEST(PixelThresholdTest, LetsExactlyTheAllowedNumberOfPixelsThrough) {
  const std::vector<float> values = Ramp(1000);
  EXPECT_EQ(Reaching(values, ThresholdOf(values, 99.9)), 1);
  EXPECT_EQ(Reaching(values, ThresholdOf(values, 99)), 10);
  EXPECT_EQ(Reaching(values, ThresholdOf(values, 90)), 100);
  EXPECT_EQ(Reaching(values, ThresholdOf(values, 100)), 0);
}

TEST(PixelThresholdTest, IsTheFloatAfterTheFirstPixelThatMustStayBelow) {
  EXPECT_EQ(ThresholdOf(Ramp(1000), 99.9), std::nextafter(0.998F, kInfinity));
  EXPECT_EQ(ThresholdOf(Ramp(1000), 100), std::nextafter(0.999F, kInfinity));
  EXPECT_EQ(ThresholdOf({0.25F}, 99), std::nextafter(0.25F, kInfinity));
}

TEST(PixelThresholdTest, TiesNeverPutMoreThanTheShareIntoTheMask) {
  std::vector<float> values(900, 0.25F);
  values.resize(1000, 0.75F);
  EXPECT_EQ(Reaching(values, ThresholdOf(values, 90)), 100);
  EXPECT_EQ(Reaching(values, ThresholdOf(values, 95)), 0);
}

TEST(PixelThresholdTest, PiecesGiveTheSameAsSortingEverything) {
  std::mt19937 generator(7);
  std::normal_distribution<float> normal(0.4F, 0.1F);
  std::vector<float> values(200'000);
  for (float& value : values) value = std::clamp(normal(generator), 0.0F, 0.9F);
  absl::StatusOr<PixelThreshold> pixels = PixelThreshold::Create(200'000, 99.5);
  ASSERT_TRUE(pixels.ok());
  for (size_t begin = 0; begin < values.size(); begin += 777) {
    pixels->Add(absl::MakeConstSpan(values).subspan(begin, 777));
  }
  const absl::StatusOr<float> threshold = pixels->Threshold();

  std::sort(values.begin(), values.end(), std::greater<>());
  ASSERT_TRUE(threshold.ok()) << threshold.status();
  EXPECT_EQ(*threshold, std::nextafter(values[1000], kInfinity));
}

TEST(PixelThresholdTest, RefusesPercentilesOutOfRangeAndNoPixels) {
  for (const double percentile : {89.9, 100.1, -1.0, std::nan("")}) {
    EXPECT_EQ(PixelThreshold::Create(10, percentile).status().code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(PixelThreshold::Create(0, 99).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(PixelThresholdTest, RefusesAnotherNumberOfPixelsThanAnnounced) {
  absl::StatusOr<PixelThreshold> pixels = PixelThreshold::Create(3, 99);
  ASSERT_TRUE(pixels.ok());
  pixels->Add({0.1F, 0.2F});
  EXPECT_EQ(pixels->Threshold().status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(PixelThresholdTest, RefusesWhatIsNotANumber) {
  absl::StatusOr<PixelThreshold> pixels = PixelThreshold::Create(3, 99);
  ASSERT_TRUE(pixels.ok());
  pixels->Add({0.1F, std::nanf(""), 0.2F});
  EXPECT_EQ(pixels->Threshold().status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(PixelThresholdTest, RefusesMapsThatSaturate) {
  absl::StatusOr<PixelThreshold> pixels = PixelThreshold::Create(3, 90);
  ASSERT_TRUE(pixels.ok());
  pixels->Add({1.0F, 1.0F, 0.5F});
  EXPECT_EQ(pixels->Threshold().status().code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace bayespfl
