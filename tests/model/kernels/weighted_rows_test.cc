#include "model/kernels/weighted_rows.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/kernels/instruction_set.h"

namespace bayespfl {
namespace {

// The rows are parts of one array, each a value further on, as when a row is smoothed along itself.
struct Shifted {
  Shifted(int64_t count, int64_t width) : values(static_cast<size_t>(count + width)) {
    uint32_t state = 99;
    for (float& value : values) {
      state = state * 1664525 + 1013904223;
      value = static_cast<float>(state >> 8) / float{1 << 24};
    }
    for (int64_t i = 0; i < count; ++i) {
      weights.push_back(1.0 / static_cast<double>(3 + i * i));
      starts.push_back(values.data() + i);
    }
    rows = {.count = count, .width = width, .weights = weights.data(), .rows = starts.data()};
  }

  std::vector<float> values;
  std::vector<double> weights;
  std::vector<const float*> starts;
  WeightedRows rows;
};

std::vector<float> Expected(const Shifted& shifted) {
  std::vector<float> expected;
  for (int64_t x = 0; x < shifted.rows.width; ++x) {
    double sum = 0;
    for (size_t i = 0; i < shifted.weights.size(); ++i) {
      // By itself, so that the compiler cannot fuse it with the sum.
      const volatile double product = shifted.weights[i] * shifted.starts[i][x];
      sum += product;
    }
    expected.push_back(static_cast<float>(sum));
  }
  return expected;
}

class WeightedRowsTest : public ::testing::TestWithParam<InstructionSet> {};

// Around the blocks' edges: 1, 2, 4 and 8 registers of 4 or 8 columns.
TEST_P(WeightedRowsTest, EveryWidthHasTheFormulasBits) {
  for (const int64_t count : {1, 2, 33, 65}) {
    for (const int64_t width : {1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 130, 224, 518}) {
      const Shifted shifted(count, width);
      std::vector<float> out(static_cast<size_t>(width) + 1, -1);
      AddWeightedRows(GetParam(), shifted.rows, out.data());
      ASSERT_EQ(out.back(), -1) << "written beyond the end, " << count << ", " << width;
      out.pop_back();
      ASSERT_EQ(out, Expected(shifted)) << count << ", " << width;
    }
  }
}

// Fused with the sum, the second product would leave what rounding took from the first.
TEST_P(WeightedRowsTest, ProductsAreRoundedBeforeTheyAreAdded) {
  const std::vector<float> row(40, 0.7F);
  const std::vector<double> weights = {1.0 / 3, -1.0 / 3};
  const std::vector<const float*> rows = {row.data(), row.data()};
  std::vector<float> out(row.size(), -1);
  AddWeightedRows(GetParam(), {.count = 2, .width = 40, .weights = weights.data(), .rows = rows.data()}, out.data());
  EXPECT_THAT(out, ::testing::Each(0.0F));
}

INSTANTIATE_TEST_SUITE_P(OfThisProcessor, WeightedRowsTest, ::testing::ValuesIn(InstructionSets()),
                         [](const auto& processor) { return std::string(InstructionSetName(processor.param)); });

}  // namespace
}  // namespace bayespfl
