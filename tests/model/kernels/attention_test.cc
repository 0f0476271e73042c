#include "model/kernels/attention.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/kernels/bf16.h"
#include "model/kernels/instruction_set.h"

namespace bayespfl {
namespace {

constexpr int64_t kWidth = kAttentionHeadWidth;

// Values between -2 and 2 that repeat nowhere near.
std::vector<float> Projections(const AttentionShape& shape) {
  std::vector<float> qkv(static_cast<size_t>(shape.batch * shape.length * 3 * shape.heads * kWidth));
  uint32_t state = 12345;
  for (float& value : qkv) {
    state = state * 1664525 + 1013904223;
    value = static_cast<float>(state >> 8) / float{1 << 22} - 2;
  }
  return qkv;
}

// The formula in double precision: out[query][d] of one sequence and head.
std::vector<double> Expected(const AttentionShape& shape, const std::vector<float>& qkv) {
  const int64_t row = 3 * shape.heads * kWidth;
  std::vector<double> out;
  for (int64_t n = 0; n < shape.batch; ++n) {
    for (int64_t query = 0; query < shape.length; ++query) {
      for (int64_t head = 0; head < shape.heads; ++head) {
        const float* const q = qkv.data() + (n * shape.length + query) * row + head * kWidth;
        std::vector<double> weights;
        double sum = 0;
        for (int64_t key = 0; key < shape.length; ++key) {
          const float* const k = qkv.data() + (n * shape.length + key) * row + (shape.heads + head) * kWidth;
          double score = 0;
          for (int64_t d = 0; d < kWidth; ++d) score += double{q[d]} * k[d];
          weights.push_back(std::exp(score / 8));
          sum += weights.back();
        }
        for (int64_t d = 0; d < kWidth; ++d) {
          double mixed = 0;
          for (int64_t key = 0; key < shape.length; ++key) {
            const float* const v = qkv.data() + (n * shape.length + key) * row + (2 * shape.heads + head) * kWidth;
            mixed += weights[static_cast<size_t>(key)] * v[d];
          }
          out.push_back(mixed / sum);
        }
      }
    }
  }
  return out;
}

template <typename Element>
void AttendTasks(InstructionSet instructions, const AttentionShape& shape, const std::vector<Element>& qkv,
                 std::vector<Element>& out, int64_t begin, int64_t end) {
  TaskQueue tasks(begin, end);
  Attend(instructions, shape, qkv.data(), out.data(), tasks);
}

class AttentionTest : public ::testing::TestWithParam<InstructionSet> {
 protected:
  static std::vector<float> Run(const AttentionShape& shape, const std::vector<float>& qkv) {
    std::vector<float> out(qkv.size() / 3, std::numeric_limits<float>::quiet_NaN());
    AttendTasks(GetParam(), shape, qkv, out, 0, shape.tasks());
    return out;
  }
};

// Around the tiles' and blocks' edges (6 and 24 queries; 16, 64 and 128 keys), and the published and embedded sizes.
TEST_P(AttentionTest, EveryLengthGivesTheFormulasResult) {
  for (const int64_t length : {1, 2, 5, 6, 7, 15, 16, 17, 23, 24, 25, 63, 64, 65, 127, 128, 129, 192, 257}) {
    const AttentionShape shape = {.batch = 2, .length = length, .heads = 3};
    const std::vector<float> qkv = Projections(shape);
    const std::vector<double> expected = Expected(shape, qkv);
    const std::vector<float> out = Run(shape, qkv);
    ASSERT_EQ(out.size(), expected.size());
    for (size_t i = 0; i < out.size(); ++i) ASSERT_NEAR(out[i], expected[i], 2e-6) << length << ", " << i;
  }
}

TEST_P(AttentionTest, ScoresFarApartNeitherOverflowNorVanish) {
  const AttentionShape shape = {.length = 140};
  std::vector<float> qkv = Projections(shape);
  // Scores up to some thousands: only the largest counts, wherever it is.
  for (size_t i = 0; i < qkv.size(); ++i) {
    if (i / kWidth % 3 != 2) qkv[i] *= 30;
  }
  const std::vector<float> out = Run(shape, qkv);
  for (int64_t query = 0; query < shape.length; ++query) {
    double largest = -std::numeric_limits<double>::infinity();
    int64_t best = 0;
    for (int64_t key = 0; key < shape.length; ++key) {
      double score = 0;
      for (int64_t d = 0; d < kWidth; ++d) {
        score += double{qkv[static_cast<size_t>(query * 3 * kWidth + d)]} *
                 qkv[static_cast<size_t>((key * 3 + 1) * kWidth + d)] / 8;
      }
      if (score > largest) {
        largest = score;
        best = key;
      }
    }
    // The runner-up is far behind in nearly all rows; where it is not, its share is seen here.
    double difference = 0;
    for (int64_t d = 0; d < kWidth; ++d) {
      difference += std::abs(out[static_cast<size_t>(query * kWidth + d)] -
                             qkv[static_cast<size_t>((best * 3 + 2) * kWidth + d)]);
    }
    ASSERT_LT(difference / kWidth, 0.5) << query;
  }
}

TEST_P(AttentionTest, SplitsAndOrderOfTasksDoNotChangeABit) {
  const AttentionShape whole = {.batch = 2, .length = 150, .heads = 2};
  const std::vector<float> qkv = Projections(whole);
  const std::vector<float> expected = Run(whole, qkv);

  AttentionShape split = whole;
  split.splits = 7;
  std::vector<float> out(expected.size(), std::numeric_limits<float>::quiet_NaN());
  for (int64_t task = split.tasks(); task > 0; --task) {
    AttendTasks(GetParam(), split, qkv, out, task - 1, task);
  }
  EXPECT_EQ(out, expected);
}

TEST_P(AttentionTest, ATaskWritesItsOwnQueriesAlone) {
  const AttentionShape shape = {.batch = 2, .length = 40, .heads = 2, .splits = 2};
  const std::vector<float> qkv = Projections(shape);
  std::vector<float> out(qkv.size() / 3, -1000);
  AttendTasks(GetParam(), shape, qkv, out, 3, 4);  // second half of the first sequence's second head
  for (size_t i = 0; i < out.size(); ++i) {
    const size_t position = i / (2 * kWidth);
    const bool is_own = position >= 20 && position < 40 && i / kWidth % 2 == 1;
    EXPECT_EQ(out[i] == -1000, !is_own) << i;
  }
}

TEST_P(AttentionTest, WhatIsNotANumberSpreadsOverItsSequenceAlone) {
  const AttentionShape shape = {.batch = 2, .length = 70};
  for (const size_t part : {1, 2}) {  // a key, a value
    std::vector<float> qkv = Projections(shape);
    qkv[(33 * 3 + part) * kWidth + 5] = std::numeric_limits<float>::quiet_NaN();
    const std::vector<float> out = Run(shape, qkv);
    for (size_t position = 0; position < 140; ++position) {
      EXPECT_EQ(std::isfinite(out[position * kWidth + 5]), position >= 70) << part << ", " << position;
    }
  }
}

// --- bfloat16 ---

std::vector<Bf16> Narrow(const std::vector<float>& values) {
  std::vector<Bf16> narrow;
  for (const float value : values) narrow.push_back(Bf16Of(value));
  return narrow;
}

std::vector<float> Widen(const std::vector<Bf16>& values) {
  std::vector<float> wide;
  for (const Bf16 value : values) wide.push_back(FloatOf(value));
  return wide;
}

class Bf16AttentionTest : public ::testing::TestWithParam<InstructionSet> {
 protected:
  static std::vector<float> Run(const AttentionShape& shape, const std::vector<Bf16>& qkv) {
    std::vector<Bf16> out(qkv.size() / 3, Bf16Of(std::numeric_limits<float>::quiet_NaN()));
    AttendTasks(GetParam(), shape, qkv, out, 0, shape.tasks());
    return Widen(out);
  }
};

// Each weight is rounded by 2^-9 of itself at most, and the result by as much: values are up to 2.
TEST_P(Bf16AttentionTest, EveryLengthGivesTheFormulasResult) {
  for (const int64_t length : {1, 2, 3, 5, 6, 7, 15, 16, 17, 23, 24, 25, 63, 64, 65, 127, 128, 129, 192, 257}) {
    const AttentionShape shape = {.batch = 2, .length = length, .heads = 3};
    const std::vector<Bf16> qkv = Narrow(Projections(shape));
    const std::vector<double> expected = Expected(shape, Widen(qkv));
    const std::vector<float> out = Run(shape, qkv);
    ASSERT_EQ(out.size(), expected.size());
    double squares = 0;
    for (size_t i = 0; i < out.size(); ++i) {
      ASSERT_NEAR(out[i], expected[i], 2.0 / 256) << length << ", " << i;
      squares += (out[i] - expected[i]) * (out[i] - expected[i]);
    }
    ASSERT_LT(std::sqrt(squares / static_cast<double>(out.size())), 2e-3) << length;
  }
}

// One key of weight 1 and value 0, then a hundred of weight 0.50185 and value 2. That weight is 0.5 in bfloat16: the
// result is 100 / 51.185, or 1.953125; without that rounding it would be the next number, 1.9609375.
TEST_P(Bf16AttentionTest, WeightsAreRoundedAndTheirSumIsNot) {
  constexpr size_t kLesser = 100;
  const AttentionShape shape = {.length = 1 + kLesser};
  std::vector<float> wide(static_cast<size_t>(shape.length * 3 * kWidth));
  for (size_t position = 0; position <= kLesser; ++position) {
    float* const query = wide.data() + position * 3 * kWidth;
    query[0] = query[1] = 1;
    if (position == 0) continue;
    float* const key = query + kWidth;
    key[0] = -5.5F;  // with the other -5.515625: e to the eighth of that
    key[1] = -0.015625F;
    std::fill_n(key + kWidth, kWidth, 2.0F);
  }
  for (const float value : Run(shape, Narrow(wide))) ASSERT_EQ(value, 1.953125F);
}

// Neither are scores rounded, nor sums of weights.
TEST_P(Bf16AttentionTest, AThousandKeysAreSummedAsFloats) {
  const AttentionShape shape = {.length = 1370};
  std::vector<float> wide = Projections(shape);
  for (float& value : wide) value /= 4;  // nearly equal weights: each is far below the sum's last bit in bfloat16
  const std::vector<Bf16> qkv = Narrow(wide);
  const std::vector<double> expected = Expected(shape, Widen(qkv));
  const std::vector<float> out = Run(shape, qkv);
  for (size_t i = 0; i < out.size(); ++i) ASSERT_NEAR(out[i], expected[i], 2e-4) << i;
}

TEST_P(Bf16AttentionTest, SplitsAndOrderOfTasksDoNotChangeABit) {
  const AttentionShape whole = {.batch = 2, .length = 151, .heads = 2};
  const std::vector<Bf16> qkv = Narrow(Projections(whole));
  const std::vector<float> expected = Run(whole, qkv);

  AttentionShape split = whole;
  split.splits = 7;
  std::vector<Bf16> out(expected.size());
  for (int64_t task = split.tasks(); task > 0; --task) {
    AttendTasks(GetParam(), split, qkv, out, task - 1, task);
  }
  EXPECT_EQ(Widen(out), expected);
}

TEST_P(Bf16AttentionTest, WhatIsNotANumberSpreadsOverItsSequenceAlone) {
  const AttentionShape shape = {.batch = 2, .length = 71};
  for (const size_t part : {1, 2}) {  // a key, a value
    std::vector<Bf16> qkv = Narrow(Projections(shape));
    qkv[(33 * 3 + part) * kWidth + 5] = Bf16Of(std::numeric_limits<float>::quiet_NaN());
    const std::vector<float> out = Run(shape, qkv);
    for (size_t position = 0; position < 142; ++position) {
      EXPECT_EQ(std::isfinite(out[position * kWidth + 5]), position >= 71) << part << ", " << position;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(OfThisProcessor, Bf16AttentionTest, ::testing::ValuesIn(Bf16InstructionSets()),
                         [](const auto& processor) { return std::string(InstructionSetName(processor.param)); });

TEST(Bf16Test, RoundsToTheNearestAndOfTwoToTheEvenOne) {
  EXPECT_EQ(FloatOf(Bf16Of(1)), 1);
  EXPECT_EQ(FloatOf(Bf16Of(-3.140625F)), -3.140625F);
  constexpr float kStep = 1.0F / 128;  // of numbers between 1 and 2
  EXPECT_EQ(FloatOf(Bf16Of(1 + 0.5F * kStep)), 1);
  EXPECT_EQ(FloatOf(Bf16Of(1 + 0.51F * kStep)), 1 + kStep);
  EXPECT_EQ(FloatOf(Bf16Of(1 + 1.5F * kStep)), 1 + 2 * kStep);
  EXPECT_EQ(FloatOf(Bf16Of(-1 - 1.49F * kStep)), -1 - kStep);
  EXPECT_EQ(FloatOf(Bf16Of(std::numeric_limits<float>::max())), std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(FloatOf(Bf16Of(std::numeric_limits<float>::quiet_NaN()))));
  EXPECT_TRUE(std::isnan(FloatOf(Bf16Of(__builtin_bit_cast(float, 0x7F800001)))));
}

INSTANTIATE_TEST_SUITE_P(OfThisProcessor, AttentionTest, ::testing::ValuesIn(InstructionSets()),
                         [](const auto& processor) { return std::string(InstructionSetName(processor.param)); });

TEST(InstructionSetTest, EveryProcessorRunsThePlainForm) {
  EXPECT_EQ(InstructionSets().front(), InstructionSet::kPlain);
  EXPECT_EQ(InstructionSetName(InstructionSet::kAvx512), "avx512");
  EXPECT_EQ(InstructionSetName(InstructionSet::kAvx512Bf16), "avx512_bf16");
}

// A pinned name must mean the same in both lists, or a result could not be made again.
TEST(InstructionSetTest, WhatRunsFloatsRunsBfloat16) {
  const std::vector<InstructionSet> floats = InstructionSets();
  const std::vector<InstructionSet> narrow = Bf16InstructionSets();
  ASSERT_GE(narrow.size(), floats.size());
  EXPECT_TRUE(std::equal(floats.begin(), floats.end(), narrow.begin()));
}

}  // namespace
}  // namespace bayespfl
