// Vectors are rounded to bfloat16 as single numbers are.
#include "tests/model/kernels/rounding.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "gtest/gtest.h"
#include "model/kernels/instruction_set.h"

namespace bayespfl {
namespace {

// In the middle of two, to the even one; just beside the middle; the largest, which becomes infinite; infinite; zeros;
// numbers that are not: quiet ones, and those whose lower half alone says so or would carry over into the upper one.
constexpr std::array<uint32_t, 16> kBits = {0x3F808000, 0x3F818000, 0x3F807FFF, 0x3F808001, 0x7F7FFFFF, 0xFF7FFFFF,
                                            0x7F800000, 0xFF800000, 0x00000000, 0x80000000, 0x7FC00000, 0xFFC00000,
                                            0x7FFFFFFF, 0xFFFFFFFF, 0x7F800001, 0x7FBFFFFF};

void ExpectTheSame(void (*round)(const float*, Bf16*)) {
  std::array<float, 16> floats = {};
  std::transform(kBits.begin(), kBits.end(), floats.begin(), [](uint32_t bits) { return std::bit_cast<float>(bits); });
  std::array<Bf16, 16> rounded = {};
  round(floats.data(), rounded.data());
  for (size_t i = 0; i < floats.size(); ++i) {
    const Bf16 expected = Bf16Of(floats[i]);
    if (std::isnan(floats[i])) {
      EXPECT_TRUE(std::isnan(FloatOf(expected)) && std::isnan(FloatOf(rounded[i]))) << std::hex << kBits[i];
    } else {
      EXPECT_EQ(rounded[i].bits, expected.bits) << std::hex << kBits[i];
    }
  }
}

#ifdef __x86_64__
TEST(RoundingTest, Avx2RoundsAsSingleNumbersAre) {
  if (InstructionSets().size() < 2) GTEST_SKIP() << "no AVX2";
  ExpectTheSame(testing::RoundAvx2);
}

TEST(RoundingTest, Avx512RoundsAsSingleNumbersAre) {
  if (InstructionSets().back() != InstructionSet::kAvx512) GTEST_SKIP() << "no AVX-512";
  ExpectTheSame(testing::RoundAvx512);
}
#endif

}  // namespace
}  // namespace bayespfl
