#include "model/network/philox.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace bayespfl {
namespace {

using ::testing::ElementsAre;

std::vector<float> Draw(uint64_t seed, NoiseStream stream, uint32_t sample, size_t count) {
  std::vector<float> values(count);
  FillNormal(seed, stream, sample, absl::MakeSpan(values));
  return values;
}

// Known answers published with the Random123 library (kat_vectors, philox4x32 10 rounds).
TEST(PhiloxTest, ReproducesThePublishedKnownAnswers) {
  EXPECT_THAT(Philox4x32({0, 0, 0, 0}, {0, 0}), ElementsAre(0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8));
  EXPECT_THAT(Philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
              ElementsAre(0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd));
  EXPECT_THAT(Philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
              ElementsAre(0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1));
}

TEST(FillNormalTest, AnElementDoesNotDependOnHowManyAreDrawn) {
  const std::vector<float> longer = Draw(7, NoiseStream::kContext, 3, 64);
  const std::vector<float> shorter = Draw(7, NoiseStream::kContext, 3, 13);
  EXPECT_TRUE(std::equal(shorter.begin(), shorter.end(), longer.begin()));
}

TEST(FillNormalTest, SeedsStreamsAndSamplesDiffer) {
  const std::vector<float> base = Draw(7, NoiseStream::kContext, 0, 16);
  EXPECT_NE(base, Draw(8, NoiseStream::kContext, 0, 16));
  EXPECT_NE(base, Draw(7 + (uint64_t{1} << 32), NoiseStream::kContext, 0, 16));
  EXPECT_NE(base, Draw(7, NoiseStream::kNormal, 0, 16));
  EXPECT_NE(base, Draw(7, NoiseStream::kContext, 1, 16));
}

TEST(FillNormalTest, DrawsAreStandardNormal) {
  constexpr size_t kCount = 200'000;
  const std::vector<float> draws = Draw(1, NoiseStream::kAbnormal, 0, kCount);
  double sum = 0;
  double square = 0;
  double fourth = 0;
  for (const float x : draws) {
    ASSERT_TRUE(std::isfinite(x));
    sum += x;
    square += double{x} * x;
    fourth += std::pow(double{x}, 4);
  }
  // Five standard errors each.
  EXPECT_NEAR(sum / kCount, 0.0, 5 / std::sqrt(double{kCount}));
  EXPECT_NEAR(square / kCount, 1.0, 5 * std::sqrt(2.0 / kCount));
  EXPECT_NEAR(fourth / kCount, 3.0, 5 * std::sqrt(96.0 / kCount));
}

}  // namespace
}  // namespace bayespfl
