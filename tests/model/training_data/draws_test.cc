#include "model/training_data/draws.h"

#include <array>
#include <cmath>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace bayespfl {
namespace {

using ::testing::ElementsAre;

constexpr uint64_t kHigh = uint64_t{1} << 32;

std::array<uint32_t, 5> First(Draws draws) {
  return {draws.Word(), draws.Word(), draws.Word(), draws.Word(), draws.Word()};
}

TEST(DrawsTest, EveryPartOfTheKeyMatters) {
  std::set<std::array<uint32_t, 5>> streams;
  for (const uint64_t seed : {uint64_t{0}, uint64_t{1}, kHigh}) {
    for (const PictureDraw purpose : {PictureDraw::kMosaic, PictureDraw::kAugmentation, PictureDraw::kNoise}) {
      for (const uint64_t epoch : {uint64_t{0}, uint64_t{1}, kHigh}) {
        for (const uint64_t index : {uint64_t{0}, uint64_t{1}, kHigh}) {
          streams.insert(First({seed, purpose, epoch, index}));
        }
      }
    }
  }
  EXPECT_EQ(streams.size(), 81U);
}

// The words of an implementation in Python, written from the header.
TEST(DrawsTest, AreThoseOfTheirDefinition) {
  EXPECT_THAT(First({7, PictureDraw::kAugmentation, 3, 11}),
              ElementsAre(0x8F58115FU, 0xF07CB097U, 0x78672E1CU, 0x1AAE09E5U, 0xD75ECEE6U));
}

TEST(DrawsTest, ACopyDrawsTheSame) {
  Draws draws(1, PictureDraw::kMosaic, 0, 0);
  draws.Word();
  Draws copy = draws;
  for (int i = 0; i < 20; ++i) ASSERT_EQ(draws.Word(), copy.Word());
}

TEST(DrawsTest, AForkIsAStreamOfItsOwnThatTheNextDrawsDoNotHangOn) {
  Draws draws(1, PictureDraw::kScene, 0, 0);
  Draws same = draws;
  const Draws first = draws.Fork();
  const Draws second = draws.Fork();
  EXPECT_NE(First(first), First(second));
  EXPECT_NE(First(first), First(draws));
  Draws used = same.Fork();
  for (int i = 0; i < 9; ++i) used.Word();
  EXPECT_EQ(First(same.Fork()), First(second));
  EXPECT_EQ(First(same), First(draws));
}

TEST(DrawsTest, NumbersBelowACountAreSpreadEvenly) {
  Draws draws(5, PictureDraw::kMosaic, 0, 0);
  std::array<int, 7> hits = {};
  for (int i = 0; i < 70'000; ++i) ++hits.at(static_cast<size_t>(draws.Below(7)));
  for (const int count : hits) EXPECT_NEAR(count, 10'000, 500);  // 5 deviations
}

TEST(DrawsTest, BetweenHoldsBothEnds) {
  Draws draws(5, PictureDraw::kMosaic, 0, 1);
  std::set<int64_t> seen;
  for (int i = 0; i < 200; ++i) seen.insert(draws.Between(-1, 2));
  EXPECT_THAT(seen, ElementsAre(-1, 0, 1, 2));
}

TEST(NormalOfWordTest, TakesTheQuantilesOfTheNormalDistribution) {
  // scipy.stats.norm.ppf((k + 0.5) / 65536)
  EXPECT_NEAR(NormalOfWord(0), -4.3249190, 1e-5);
  EXPECT_NEAR(NormalOfWord(uint32_t{10'000} << 16), -1.0253649, 1e-5);
  EXPECT_NEAR(NormalOfWord(uint32_t{32'768} << 16), 0.0000191, 1e-7);
  EXPECT_NEAR(NormalOfWord(0xFFFFFFFF), 4.3249190, 1e-5);
}

TEST(NormalOfWordTest, RisesWithTheWord) {
  for (uint32_t k = 1; k < 65'536; ++k) ASSERT_LT(NormalOfWord((k - 1) << 16), NormalOfWord(k << 16)) << k;
}

}  // namespace
}  // namespace bayespfl
