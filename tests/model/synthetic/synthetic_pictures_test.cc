#include "model/synthetic/synthetic_pictures.h"

#include <set>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace bayespfl::synthetic {
namespace {

ModelConfig SmallNetwork() {
  ModelConfig config;
  config.image_size = 32;
  config.stddev = {1, 1, 1};
  return config;
}

SyntheticPictures Small() {
  return {{.families = {FindFamily("nut"), FindFamily("brushed_metal")},
           .good = 2,
           .anomalous = 1,
           .seed = 3,
           .scene = {.side = 64}},
          SmallNetwork()};
}

TEST(SyntheticPicturesTest, FamiliesTakeTurnsGoodOnesFirst) {
  const SyntheticPictures pictures = Small();
  ASSERT_EQ(pictures.size(), 6);
  std::vector<std::string> objects;
  std::vector<bool> anomalous;
  for (int64_t i = 0; i < pictures.size(); ++i) {
    const auto picture = pictures.Get(i, 0);
    ASSERT_TRUE(picture.ok()) << picture.status();
    EXPECT_EQ(picture->image.size(), 3U * 32 * 32);
    EXPECT_EQ(picture->mask.size(), 32U * 32);
    objects.push_back(picture->object);
    anomalous.push_back(picture->anomalous);
  }
  EXPECT_THAT(objects, ::testing::ElementsAre("nut", "brushed metal", "nut", "brushed metal", "nut", "brushed metal"));
  EXPECT_THAT(anomalous, ::testing::ElementsAre(false, false, false, false, true, true));
}

TEST(SyntheticPicturesTest, EveryEpochHasItsOwnAndGivesThemAgain) {
  const SyntheticPictures pictures = Small();
  std::set<std::vector<uint8_t>> seen;
  for (const uint64_t epoch : {0U, 1U, 2U}) {
    for (int64_t i = 0; i < pictures.size(); ++i) seen.insert(pictures.GetScene(i, epoch)->labelled.picture.pixels);
  }
  EXPECT_EQ(seen.size(), 18U);
  EXPECT_EQ(Small().GetScene(4, 2)->labelled.picture.pixels, pictures.GetScene(4, 2)->labelled.picture.pixels);
}

TEST(SyntheticPicturesTest, RefusesAnIndexThatIsNone) {
  EXPECT_EQ(Small().Get(6, 0).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(Small().Get(-1, 0).status().code(), absl::StatusCode::kOutOfRange);
}

}  // namespace
}  // namespace bayespfl::synthetic
