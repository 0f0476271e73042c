#include "model/training/draws.h"

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "gtest/gtest.h"
#include "model/libtorch.h"

namespace bayespfl {
namespace {

TEST(DrawKeyTest, SeedsPurposesAndIndicesDiffer) {
  std::set<uint64_t> keys;
  for (const uint64_t seed : {uint64_t{0}, uint64_t{1}, uint64_t{1} << 32}) {
    for (const DrawPurpose purpose : {DrawPurpose::kNoise, DrawPurpose::kOrder}) {
      for (const uint64_t index : {uint64_t{0}, uint64_t{1}, uint64_t{1} << 32}) {
        keys.insert(DrawKey(seed, purpose, index));
      }
    }
  }
  EXPECT_EQ(keys.size(), 3 * 2 * 3);
}

TEST(DrawStepNoiseTest, APicturesNoiseDoesNotHangOnHowManyThereAre) {
  const StepNoise few = DrawStepNoise(5, 3, 2, 8, torch::kCPU);
  const StepNoise many = DrawStepNoise(5, 3, 4, 8, torch::kCPU);
  EXPECT_TRUE(torch::equal(few.context, many.context.slice(0, 0, 2)));
  EXPECT_TRUE(torch::equal(few.normal, many.normal));
}

TEST(DrawStepNoiseTest, StepsAndDistributionsDiffer) {
  const StepNoise one = DrawStepNoise(5, 3, 1, 8, torch::kCPU);
  const StepNoise next = DrawStepNoise(5, 4, 1, 8, torch::kCPU);
  EXPECT_FALSE(torch::equal(one.context, next.context));
  EXPECT_FALSE(torch::equal(one.normal, next.normal));
  EXPECT_FALSE(torch::equal(one.normal, one.abnormal));
  EXPECT_FALSE(torch::equal(one.normal, one.context[0]));
}

TEST(DrawPromptIndexTest, EveryPairHasItsShare) {
  std::map<int64_t, int> counts;
  for (uint64_t step = 0; step < 3000; ++step) ++counts[DrawPromptIndex(1, step, 3)];
  ASSERT_EQ(counts.size(), 3);
  // Five standard deviations.
  for (const auto& [prompt, count] : counts) EXPECT_NEAR(count, 1000, 130);
}

TEST(DrawOrderTest, IsAPermutationAndAnotherOneInEachEpoch) {
  std::vector<int64_t> one = DrawOrder(1, 0, 100);
  EXPECT_EQ(one, DrawOrder(1, 0, 100));
  EXPECT_NE(one, DrawOrder(1, 1, 100));
  std::sort(one.begin(), one.end());
  for (int64_t i = 0; i < 100; ++i) EXPECT_EQ(one[static_cast<size_t>(i)], i);
}

TEST(DrawOrderTest, EveryPictureComesFirstAboutAsOften) {
  std::map<int64_t, int> first;
  for (uint64_t epoch = 0; epoch < 4000; ++epoch) ++first[DrawOrder(2, epoch, 4)[0]];
  ASSERT_EQ(first.size(), 4);
  for (const auto& [picture, count] : first) EXPECT_NEAR(count, 1000, 140);
}

}  // namespace
}  // namespace bayespfl
