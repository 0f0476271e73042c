#include "model/kernels/map_fusion.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/kernels/instruction_set.h"

namespace bayespfl {
namespace {

using ::testing::Each;

// Values between -8 and 8 that repeat nowhere near.
std::vector<float> Logits(const MapFusionShape& shape) {
  std::vector<float> logits(static_cast<size_t>(shape.samples * shape.maps * shape.grid * shape.grid));
  uint32_t state = 54321;
  for (float& value : logits) {
    state = state * 1664525 + 1013904223;
    value = static_cast<float>(state >> 8) / float{1 << 20} - 8;
  }
  return logits;
}

struct Maps {
  std::vector<float> mean;
  std::vector<float> deviation;
};

// The formula in double precision.
double ProbabilityAt(const MapFusionShape& shape, const float* map, int64_t y, int64_t x) {
  const double scale = shape.side > 1 ? static_cast<double>(shape.grid - 1) / static_cast<double>(shape.side - 1) : 0;
  const double row = scale * static_cast<double>(y);
  const double column = scale * static_cast<double>(x);
  const auto at = [&](int64_t r, int64_t c) {
    return double{map[std::min(r, shape.grid - 1) * shape.grid + std::min(c, shape.grid - 1)]};
  };
  const auto top = static_cast<int64_t>(row);
  const auto left = static_cast<int64_t>(column);
  const double down = row - static_cast<double>(top);
  const double right = column - static_cast<double>(left);
  const double logit = (1 - down) * ((1 - right) * at(top, left) + right * at(top, left + 1)) +
                       down * ((1 - right) * at(top + 1, left) + right * at(top + 1, left + 1));
  return 1 / (1 + std::exp(-logit));
}

Maps Expected(const MapFusionShape& shape, const std::vector<float>& logits) {
  Maps expected;
  for (int64_t pixel = 0; pixel < shape.side * shape.side; ++pixel) {
    std::vector<double> means;
    const float* map = logits.data();
    for (int64_t sample = 0; sample < shape.samples; ++sample) {
      double sum = 0;
      for (int64_t i = 0; i < shape.maps; ++i, map += shape.grid * shape.grid) {
        sum += ProbabilityAt(shape, map, pixel / shape.side, pixel % shape.side);
      }
      means.push_back(sum / static_cast<double>(shape.maps));
    }
    double mean = 0;
    for (const double value : means) mean += value / static_cast<double>(shape.samples);
    double squares = 0;
    for (const double value : means) squares += (value - mean) * (value - mean);
    expected.mean.push_back(static_cast<float>(mean));
    expected.deviation.push_back(static_cast<float>(std::sqrt(squares / static_cast<double>(shape.samples))));
  }
  return expected;
}

class MapFusionTest : public ::testing::TestWithParam<InstructionSet> {
 protected:
  static Maps Run(const MapFusionShape& shape, const std::vector<float>& logits) {
    const auto pixels = static_cast<size_t>(shape.side * shape.side);
    Maps maps = {.mean = std::vector<float>(pixels, std::numeric_limits<float>::quiet_NaN()),
                 .deviation = std::vector<float>(pixels, std::numeric_limits<float>::quiet_NaN())};
    FuseMaps(GetParam(), shape, logits.data(), {.mean = maps.mean.data(), .deviation = maps.deviation.data()}, 0,
             shape.side);
    return maps;
  }
};

// Around the vectors' edges (8 and 16 pixels), enlarging, shrinking and leaving the size, and the tiny fixture's size.
TEST_P(MapFusionTest, EveryShapeGivesTheFormulasResult) {
  const std::vector<MapFusionShape> shapes = {
      {.samples = 1, .maps = 1, .grid = 1, .side = 1},   {.samples = 2, .maps = 1, .grid = 1, .side = 9},
      {.samples = 1, .maps = 3, .grid = 4, .side = 1},   {.samples = 3, .maps = 2, .grid = 2, .side = 7},
      {.samples = 2, .maps = 12, .grid = 4, .side = 56}, {.samples = 2, .maps = 3, .grid = 7, .side = 8},
      {.samples = 5, .maps = 4, .grid = 9, .side = 9},   {.samples = 2, .maps = 5, .grid = 9, .side = 4},
      {.samples = 2, .maps = 2, .grid = 5, .side = 15},  {.samples = 2, .maps = 2, .grid = 5, .side = 16},
      {.samples = 2, .maps = 2, .grid = 5, .side = 17},  {.samples = 11, .maps = 3, .grid = 6, .side = 33}};
  for (const MapFusionShape& shape : shapes) {
    const std::vector<float> logits = Logits(shape);
    const Maps expected = Expected(shape, logits);
    const Maps maps = Run(shape, logits);
    for (size_t i = 0; i < expected.mean.size(); ++i) {
      ASSERT_NEAR(maps.mean[i], expected.mean[i], 5e-6) << shape.grid << " to " << shape.side << ", " << i;
      ASSERT_NEAR(maps.deviation[i], expected.deviation[i], 5e-6) << shape.grid << " to " << shape.side << ", " << i;
    }
  }
}

TEST_P(MapFusionTest, WithoutTheDeviationTheMeanHasTheSameBits) {
  const MapFusionShape shape = {.samples = 3, .maps = 4, .grid = 5, .side = 21};
  const std::vector<float> logits = Logits(shape);
  std::vector<float> mean(21 * 21);
  FuseMaps(GetParam(), shape, logits.data(), {.mean = mean.data()}, 0, shape.side);
  EXPECT_EQ(mean, Run(shape, logits).mean);
}

TEST_P(MapFusionTest, WhoDoesWhichRowsDoesNotChangeABit) {
  const MapFusionShape shape = {.samples = 3, .maps = 4, .grid = 5, .side = 21};
  const std::vector<float> logits = Logits(shape);
  const Maps expected = Run(shape, logits);
  Maps maps = {.mean = std::vector<float>(21 * 21), .deviation = std::vector<float>(21 * 21)};
  const FusedMaps out = {.mean = maps.mean.data(), .deviation = maps.deviation.data()};
  FuseMaps(GetParam(), shape, logits.data(), out, 17, 21);
  for (int64_t row = 16; row >= 0; --row) FuseMaps(GetParam(), shape, logits.data(), out, row, row + 1);
  EXPECT_EQ(maps.mean, expected.mean);
  EXPECT_EQ(maps.deviation, expected.deviation);
}

TEST_P(MapFusionTest, ItsOwnRowsAloneAreWritten) {
  const MapFusionShape shape = {.samples = 2, .maps = 2, .grid = 3, .side = 19};
  std::vector<float> mean(19 * 19, -1000);
  std::vector<float> deviation(19 * 19, -1000);
  FuseMaps(GetParam(), shape, Logits(shape).data(), {.mean = mean.data(), .deviation = deviation.data()}, 4, 6);
  for (size_t i = 0; i < mean.size(); ++i) {
    const bool is_own = i / 19 == 4 || i / 19 == 5;
    EXPECT_EQ(mean[i] == -1000, !is_own) << i;
    EXPECT_EQ(deviation[i] == -1000, !is_own) << i;
  }
}

TEST_P(MapFusionTest, FarLogitsAreZeroAndOne) {
  const MapFusionShape shape = {.samples = 1, .maps = 1, .grid = 2, .side = 9};
  for (const float far : {80.0F, 100.0F, 1e4F, 3e38F}) {
    EXPECT_THAT(Run(shape, std::vector<float>(4, far)).mean, Each(1.0F)) << far;
    EXPECT_THAT(Run(shape, std::vector<float>(4, -far)).mean,
                Each(::testing::AllOf(::testing::Ge(0.0F), ::testing::Le(1e-34F))))
        << far;
  }
}

TEST_P(MapFusionTest, OneSampleDoesNotDeviate) {
  const MapFusionShape shape = {.samples = 1, .maps = 7, .grid = 3, .side = 20};
  EXPECT_THAT(Run(shape, Logits(shape)).deviation, Each(0.0F));
}

TEST_P(MapFusionTest, WhatIsNotANumberReachesItsNeighboursAlone) {
  const MapFusionShape shape = {.samples = 2, .maps = 2, .grid = 5, .side = 41};  // ten pixels from patch to patch
  std::vector<float> logits = Logits(shape);
  logits[2 * 25 + 2 * 5 + 2] = std::numeric_limits<float>::quiet_NaN();  // the middle, in the second sample
  const Maps maps = Run(shape, logits);
  for (int64_t y = 0; y < 41; ++y) {
    for (int64_t x = 0; x < 41; ++x) {
      const auto pixel = static_cast<size_t>(y * 41 + x);
      const int64_t distance = std::max(std::abs(y - 20), std::abs(x - 20));
      if (distance == 10) continue;
      EXPECT_EQ(std::isnan(maps.mean[pixel]), distance < 10) << y << ", " << x;
      EXPECT_EQ(std::isnan(maps.deviation[pixel]), distance < 10) << y << ", " << x;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(OfThisProcessor, MapFusionTest, ::testing::ValuesIn(InstructionSets()),
                         [](const auto& processor) { return std::string(InstructionSetName(processor.param)); });

}  // namespace
}  // namespace bayespfl
