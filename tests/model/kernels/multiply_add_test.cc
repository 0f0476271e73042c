#include "model/kernels/multiply_add.h"

#include <cstdint>
#include <string>

#include "gtest/gtest.h"

namespace bayespfl {
namespace {

// After n rounds chain c holds 2 + (c - 2) / 2^n in every lane: exact in fp32 for a few rounds.
float SumAfter(int64_t rounds, int lanes) {
  float sum = 0;
  for (int chain = 0; chain < kMultiplyAddChains; ++chain) {
    sum += 2 + static_cast<float>(chain - 2) / static_cast<float>(int64_t{1} << rounds);
  }
  return sum * static_cast<float>(lanes);
}

class MultiplyAddTest : public ::testing::TestWithParam<InstructionSet> {};

TEST_P(MultiplyAddTest, EveryLaneOfEveryChainGoesThroughEveryRound) {
  for (const int64_t rounds : {0, 1, 2, 5}) {
    EXPECT_EQ(MultiplyAdds(GetParam(), rounds), SumAfter(rounds, MultiplyAddLanes(GetParam()))) << rounds;
  }
}

INSTANTIATE_TEST_SUITE_P(OfThisProcessor, MultiplyAddTest, ::testing::ValuesIn(InstructionSets()),
                         [](const auto& processor) { return std::string(InstructionSetName(processor.param)); });

}  // namespace
}  // namespace bayespfl
