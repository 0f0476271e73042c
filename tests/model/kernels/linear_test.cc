#include "model/kernels/linear.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <tuple>
#include <vector>

#include "gtest/gtest.h"
#include "model/kernels/instruction_set.h"

namespace bayespfl {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// Values between -2 and 2 that repeat nowhere near.
std::vector<float> Numbers(int64_t count, uint32_t state) {
  std::vector<float> numbers(static_cast<size_t>(count));
  for (float& number : numbers) {
    state = state * 1664525 + 1013904223;
    number = static_cast<float>(state >> 8) / float{1 << 22} - 2;
  }
  return numbers;
}

struct Sizes {
  int64_t rows = 1;
  int64_t in = 4;
  int64_t out = 1;
};

// A map in bfloat16 or in 8 bits, and its input rounded likewise, packed and as doubles.
class Map {
 public:
  Map(const Sizes& sizes, bool is_int8, InstructionSet instructions) : sizes_(sizes), is_int8_(is_int8) {
    weight_ = Numbers(sizes.out * sizes.in, 1);
    x_ = Numbers(sizes.rows * sizes.in, 2);
    const auto padded = static_cast<size_t>(PaddedOutputs(sizes.out));
    bias_ = Numbers(sizes.out, 3);
    bias_.resize(padded);
    if (is_int8) {
      Quantise(instructions);
    } else {
      bf16_weight_.resize(padded * static_cast<size_t>(sizes.in));
      PackBf16(weight_.data(), sizes.in, sizes.out, bf16_weight_.data(), 0, PaddedOutputs(sizes.out));
      for (const float value : x_) bf16_x_.push_back(Bf16Of(value));
    }
  }

  LinearTask Task() {
    LinearTask task = {.weights = {.in = sizes_.in, .out = sizes_.out, .bias = bias_.data()}, .rows = sizes_.rows};
    if (is_int8_) {
      task.weights.values = int8_weight_.data();
      task.weights.scales = scales_.data();
      task.weights.sums = sums_.data();
      task.int8_x = {.values = int8_x_.data(), .steps = steps_.data(), .lowest = lowest_.data()};
    } else {
      task.weights.values = bf16_weight_.data();
      task.x = bf16_x_.data();
    }
    return task;
  }

  // x W^T + b of the rounded factors.
  double Expected(int64_t row, int64_t column) const {
    double sum = bias_[static_cast<size_t>(column)];
    for (int64_t i = 0; i < sizes_.in; ++i) sum += X(row, i) * Weight(column, i);
    return sum;
  }

 private:
  void Quantise(InstructionSet instructions) {
    const auto padded = static_cast<size_t>(PaddedOutputs(sizes_.out));
    int8_weight_.resize(padded * static_cast<size_t>(sizes_.in));
    scales_.resize(padded);
    sums_.resize(padded);
    PackInt8(weight_.data(), sizes_.in, sizes_.out, int8_weight_.data(), scales_.data(), sums_.data(), 0,
             PaddedOutputs(sizes_.out));
    int8_x_.resize(x_.size());
    steps_.resize(static_cast<size_t>(sizes_.rows));
    lowest_.resize(static_cast<size_t>(sizes_.rows));
    QuantiseRows(instructions, x_.data(), sizes_.in,
                 {.values = int8_x_.data(), .steps = steps_.data(), .lowest = lowest_.data()}, 0, sizes_.rows);
  }

  double X(int64_t row, int64_t i) const {
    const auto place = static_cast<size_t>(row * sizes_.in + i);
    if (!is_int8_) return FloatOf(Bf16Of(x_[place]));
    const auto index = static_cast<size_t>(row);
    return double{lowest_[index]} + double{steps_[index]} * int8_x_[place];
  }

  double Weight(int64_t column, int64_t i) const {
    const float* const row = weight_.data() + column * sizes_.in;
    if (!is_int8_) return FloatOf(Bf16Of(row[i]));
    double largest = 0;
    for (int64_t k = 0; k < sizes_.in; ++k) largest = std::max(largest, std::abs(double{row[k]}));
    return std::round(row[i] / (largest / 127)) * (largest / 127);
  }

  Sizes sizes_;
  bool is_int8_;
  std::vector<float> weight_;
  std::vector<float> x_;
  std::vector<float> bias_;
  std::vector<Bf16> bf16_weight_;
  std::vector<Bf16> bf16_x_;
  std::vector<int8_t> int8_weight_;
  std::vector<float> scales_;
  std::vector<float> sums_;
  std::vector<uint8_t> int8_x_;
  std::vector<float> steps_;
  std::vector<float> lowest_;
};

class LinearTest : public ::testing::TestWithParam<std::tuple<InstructionSet, bool>> {
 protected:
  static InstructionSet Instructions() { return std::get<0>(GetParam()); }
  static bool IsInt8() { return std::get<1>(GetParam()); }
  static Map MakeMap(const Sizes& sizes) { return {sizes, IsInt8(), Instructions()}; }

  static void ApplyTasks(const LinearTask& task, int64_t begin, int64_t end) {
    TaskQueue tasks(begin, end);
    ApplyLinear(Instructions(), task, tasks);
  }

  static std::vector<float> Run(LinearTask task) {
    std::vector<float> out(static_cast<size_t>(task.rows * task.weights.out), kNaN);
    task.out = out.data();
    ApplyTasks(task, 0, task.tasks());
    return out;
  }
};

// Around the tiles' edges: 6 rows, 64 outputs, lanes of 2 or 4 inputs and registers of 16.
TEST_P(LinearTest, EverySizeGivesTheFormulasResult) {
  for (const int64_t rows : {1, 5, 6, 7, 13}) {
    for (const int64_t in : {4, 12, 64, 260}) {
      for (const int64_t out : {1, 15, 16, 17, 64, 65, 130}) {
        Map map = MakeMap({rows, in, out});
        const std::vector<float> result = Run(map.Task());
        for (size_t i = 0; i < result.size(); ++i) {
          const auto place = static_cast<int64_t>(i);
          ASSERT_NEAR(result[i], map.Expected(place / out, place % out), 1e-3) << rows << " " << in << " " << out;
        }
      }
    }
  }
}

// 8 bits: 4096 products of 255 x 127 are more than a float counts, and far from what 32 bits hold.
TEST_P(LinearTest, TheLongestSumsOfTheNetworkAreExact) {
  constexpr int64_t kIn = 4096;
  Map map = MakeMap({2, kIn, 3});
  const std::vector<float> result = Run(map.Task());
  for (size_t i = 0; i < result.size(); ++i) {
    const auto place = static_cast<int64_t>(i);
    ASSERT_NEAR(result[i], map.Expected(place / 3, place % 3), 5e-3);
  }
}

TEST_P(LinearTest, GeluIsTheExactOne) {
  Map map = MakeMap({7, 4, 70});
  LinearTask task = map.Task();
  task.gelu = true;
  const std::vector<float> result = Run(task);
  for (size_t i = 0; i < result.size(); ++i) {
    const double y = map.Expected(static_cast<int64_t>(i) / 70, static_cast<int64_t>(i) % 70);
    ASSERT_NEAR(result[i], y * 0.5 * (1 + std::erf(y / std::sqrt(2.0))), 5e-6);
  }
}

TEST_P(LinearTest, TheAddendIsAddedToTheFloatAndBfloat16IsRoundedOnce) {
  Map map = MakeMap({7, 32, 70});
  LinearTask task = map.Task();
  const std::vector<float> sums = Run(task);
  const std::vector<float> addend = Numbers(7 * 70, 9);
  task.addend = addend.data();
  const std::vector<float> added = Run(task);
  std::vector<Bf16> narrow(added.size());
  task.bf16_out = narrow.data();
  ApplyTasks(task, 0, task.tasks());
  for (size_t i = 0; i < sums.size(); ++i) {
    ASSERT_EQ(added[i], sums[i] + addend[i]);
    ASSERT_EQ(FloatOf(narrow[i]), FloatOf(Bf16Of(added[i])));
  }
}

TEST_P(LinearTest, SplitsAndOrderOfTasksDoNotChangeABit) {
  Map map = MakeMap({29, 64, 130});
  LinearTask task = map.Task();
  const std::vector<float> expected = Run(task);
  std::vector<float> out(expected.size(), kNaN);
  task.out = out.data();
  task.splits = 4;
  for (int64_t index = task.tasks(); index > 0; --index) ApplyTasks(task, index - 1, index);
  EXPECT_EQ(out, expected);
}

TEST_P(LinearTest, ATaskWritesItsOwnPartAlone) {
  Map map = MakeMap({20, 8, 130});
  LinearTask task = map.Task();
  std::vector<float> out(20 * 130, -1000);
  task.out = out.data();
  task.splits = 2;
  ApplyTasks(task, 3, 4);  // the second half of the rows, outputs 64 to 127
  for (size_t i = 0; i < out.size(); ++i) {
    const bool is_own = i / 130 >= 10 && i % 130 >= 64 && i % 130 < 128;
    ASSERT_EQ(out[i] == -1000, !is_own) << i;
  }
}

// The forms of this file are of these instructions alone.
std::vector<InstructionSet> Forms() {
  std::vector<InstructionSet> forms = {InstructionSet::kPlain};
  if (Bf16InstructionSets().back() == InstructionSet::kAvx512Bf16) forms.push_back(InstructionSet::kAvx512Bf16);
  return forms;
}

INSTANTIATE_TEST_SUITE_P(OfThisProcessor, LinearTest,
                         ::testing::Combine(::testing::ValuesIn(Forms()), ::testing::Bool()), [](const auto& form) {
                           return std::string(InstructionSetName(std::get<0>(form.param))) +
                                  (std::get<1>(form.param) ? "_int8" : "_bf16");
                         });

class QuantiseRowsTest : public ::testing::TestWithParam<InstructionSet> {
 protected:
  template <typename Element>
  void Quantise(const std::vector<Element>& x, int64_t in) {
    const size_t rows = x.size() / static_cast<size_t>(in);
    values_.assign(x.size(), 77);
    steps_.assign(rows, kNaN);
    lowest_.assign(rows, kNaN);
    QuantiseRows(GetParam(), x.data(), in, {.values = values_.data(), .steps = steps_.data(), .lowest = lowest_.data()},
                 0, static_cast<int64_t>(rows));
  }

  std::vector<uint8_t> values_;
  std::vector<float> steps_;
  std::vector<float> lowest_;
};

TEST_P(QuantiseRowsTest, EveryNumberIsHalfAStepOffAtMost) {
  for (const int64_t in : {4, 16, 20, 132}) {
    std::vector<float> x = Numbers(3 * in, 4);
    for (int64_t i = 0; i < in; ++i) x[static_cast<size_t>(in + i)] *= 1000;  // the others keep their own step
    Quantise(x, in);
    for (size_t i = 0; i < x.size(); ++i) {
      const size_t row = i / static_cast<size_t>(in);
      ASSERT_NEAR(lowest_[row] + steps_[row] * static_cast<float>(values_[i]), x[i], 0.501F * steps_[row]) << in;
    }
    EXPECT_EQ(*std::max_element(values_.begin(), values_.begin() + in), 255);
    EXPECT_EQ(*std::min_element(values_.begin(), values_.begin() + in), 0);
  }
}

TEST_P(QuantiseRowsTest, Bfloat16IsTakenLikeTheSameFloats) {
  std::vector<float> x = Numbers(2 * 36, 4);
  std::vector<Bf16> narrow;
  for (float& value : x) {
    narrow.push_back(Bf16Of(value));
    value = FloatOf(narrow.back());
  }
  Quantise(x, 36);
  const std::vector<uint8_t> expected = values_;
  const std::vector<float> steps = steps_;
  Quantise(narrow, 36);
  EXPECT_EQ(values_, expected);
  EXPECT_EQ(steps_, steps);
}

TEST_P(QuantiseRowsTest, EqualNumbersAreTheLowest) {
  Quantise(std::vector<float>(20, -3.5F), 20);
  EXPECT_EQ(lowest_[0], -3.5F);
  EXPECT_EQ(steps_[0] * static_cast<float>(values_[7]), 0);
}

// Wherever it stands: in which lane of which register, before or behind others.
TEST_P(QuantiseRowsTest, WhatIsNotFiniteMakesItsRowNaNAlone) {
  for (const float value : {kNaN, std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()}) {
    for (size_t place = 0; place < 36; ++place) {
      std::vector<float> x = Numbers(2 * 36, 4);
      x[place] = value;
      Quantise(x, 36);
      EXPECT_TRUE(std::isnan(lowest_[0])) << value << " at " << place;
      EXPECT_TRUE(std::isfinite(lowest_[1])) << value << " at " << place;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(OfThisProcessor, QuantiseRowsTest, ::testing::ValuesIn(Forms()),
                         [](const auto& form) { return std::string(InstructionSetName(form.param)); });

}  // namespace
}  // namespace bayespfl
