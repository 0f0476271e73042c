#include "model/training_data/training_pictures.h"

#include <map>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/model/training_data/set_on_disk.h"

namespace bayespfl {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Optional;
using ::testing::SizeIs;

ModelConfig SmallNetwork() {
  ModelConfig config;
  config.image_size = 4;
  config.mean = {0.5F, 0.5F, 0.5F};
  config.stddev = {0.5F, 0.25F, 1.0F};
  config.category_names = {{"nut", "hexagon nut"}};
  return config;
}

class TrainingPicturesTest : public ::testing::Test {
 protected:
  TrainingPicturesTest() { disk_.PutParts(); }

  TrainingPictures Pictures(const TrainingPicturesOptions& options, const PictureReading& reading = {}) const {
    absl::StatusOr<TrainingSet> set = OpenTrainingSet({{.path = disk_.root(), .reading = reading}}, {}, nullptr);
    EXPECT_TRUE(set.ok()) << set.status();
    return {*std::move(set), SmallNetwork(), options};
  }
  static PreparedPicture Get(const TrainingPictures& pictures, int64_t index, uint64_t epoch) {
    absl::StatusOr<PreparedPicture> picture = pictures.Get(index, epoch);
    EXPECT_TRUE(picture.ok()) << picture.status();
    return picture.value_or(PreparedPicture{});
  }

  const testing::SetOnDisk disk_;
};

// Index of the first good bolt, and of the first nut with a dent: defects come first.
constexpr int64_t kGoodBolt = 5;
constexpr int64_t kDentedNut = 8;

TEST_F(TrainingPicturesTest, WithoutAugmentationGivesThePicturesAsInspectionSeesThem) {
  const TrainingPictures pictures = Pictures({.augment = AugmentMode::kNone});

  const PreparedPicture picture = Get(pictures, kDentedNut, 3);

  ASSERT_THAT(picture.image, SizeIs(3 * 16));
  const float value = 200.0F / 255.0F;
  EXPECT_FLOAT_EQ(picture.image[0], (value - 0.5F) / 0.5F);
  EXPECT_FLOAT_EQ(picture.image[16], (value - 0.5F) / 0.25F);
  EXPECT_FLOAT_EQ(picture.image[32], value - 0.5F);
  ASSERT_THAT(picture.mask, SizeIs(16));
  EXPECT_FLOAT_EQ(picture.mask[0], 1.0F);
  EXPECT_FLOAT_EQ(picture.mask[15], 0.0F);
  EXPECT_GT(picture.mask[1], 0.5F);
  EXPECT_LT(picture.mask[1], 1.0F);
  EXPECT_TRUE(picture.anomalous);
}

TEST_F(TrainingPicturesTest, ObjectsHaveTheWordsOfTheConfiguration) {
  const TrainingPictures pictures = Pictures({.augment = AugmentMode::kNone});
  EXPECT_EQ(Get(pictures, kGoodBolt, 0).object, "bolt");
  EXPECT_EQ(Get(pictures, kDentedNut, 0).object, "hexagon nut");
}

TEST_F(TrainingPicturesTest, CategoriesKeepTheirNames) {
  const TrainingPictures pictures = Pictures({.augment = AugmentMode::kNone});
  EXPECT_EQ(Get(pictures, kGoodBolt, 0).category, "parts/bolt");
  EXPECT_EQ(Get(pictures, kDentedNut, 0).category, "parts/nut");
}

TEST_F(TrainingPicturesTest, AnotherWayOfReadingIsAnotherPicture) {
  for (const AugmentMode augment : {AugmentMode::kNone, AugmentMode::kFrozen}) {
    const TrainingPictures usual = Pictures({.augment = augment});
    const TrainingPictures upright = Pictures({.augment = augment}, {.apply_orientation = true});
    const TrainingPictures of_12_bits = Pictures({.augment = augment}, {.significant_bits = 12});
    const TrainingPictures of_10_bits = Pictures({.augment = augment}, {.significant_bits = 10});
    std::set<std::string> digests;
    std::set<std::string> lists;
    for (const TrainingPictures* pictures : {&usual, &upright, &of_12_bits, &of_10_bits}) {
      digests.insert(pictures->Variant(0, 0).digest);
      lists.insert(pictures->set().Digest());
    }
    EXPECT_THAT(digests, SizeIs(4));
    EXPECT_THAT(lists, SizeIs(4));
  }
}

TEST_F(TrainingPicturesTest, GivesTheSameAgainInAnyOrderAndFromAnyThread) {
  const TrainingPictures pictures = Pictures({.seed = 5});
  std::map<std::pair<int64_t, uint64_t>, PreparedPicture> expected;
  for (const uint64_t epoch : {0U, 1U}) {
    for (int64_t i = 0; i < pictures.size(); ++i) expected[{i, epoch}] = Get(pictures, i, epoch);
  }
  const TrainingPictures again = Pictures({.seed = 5});
  const auto check = [&](uint64_t epoch) {
    for (int64_t i = again.size() - 1; i >= 0; --i) {
      const PreparedPicture picture = Get(again, i, epoch);
      EXPECT_EQ(picture.image, (expected[{i, epoch}].image)) << i << " of " << epoch;
      EXPECT_EQ(picture.mask, (expected[{i, epoch}].mask)) << i << " of " << epoch;
    }
  };
  std::jthread second(check, 1);
  check(0);
}

TEST_F(TrainingPicturesTest, SeedsAndEpochsChangeThePictures) {
  const TrainingPictures first = Pictures({.seed = 5});
  const TrainingPictures second = Pictures({.seed = 6});
  int by_epoch = 0;
  int by_seed = 0;
  for (int64_t i = 0; i < first.size(); ++i) {
    by_epoch += Get(first, i, 0).image != Get(first, i, 1).image ? 1 : 0;
    by_seed += Get(first, i, 0).image != Get(second, i, 0).image ? 1 : 0;
  }
  EXPECT_GT(by_epoch, 8);
  EXPECT_GT(by_seed, 8);
}

TEST_F(TrainingPicturesTest, FrozenVariantsComeInTurn) {
  const TrainingPictures pictures = Pictures({.augment = AugmentMode::kFrozen, .frozen_variants = 3});
  EXPECT_THAT(pictures.variants(), Optional(3));
  for (int64_t i = 0; i < pictures.size(); ++i) {
    EXPECT_EQ(Get(pictures, i, 1).image, Get(pictures, i, 4).image) << i;
    EXPECT_EQ(pictures.Variant(i, 1).digest, pictures.Variant(i, 7).digest) << i;
    EXPECT_NE(pictures.Variant(i, 1).digest, pictures.Variant(i, 2).digest) << i;
  }
}

TEST_F(TrainingPicturesTest, DigestsTellEveryVariantApart) {
  const TrainingPictures online = Pictures({.seed = 1});
  const TrainingPictures other_seed = Pictures({.seed = 2});
  std::set<std::string> digests;
  for (const uint64_t epoch : {0U, 1U, 2U}) {
    for (int64_t i = 0; i < online.size(); ++i) {
      digests.insert(online.Variant(i, epoch).digest);
      digests.insert(other_seed.Variant(i, epoch).digest);
    }
  }
  EXPECT_THAT(digests, SizeIs(72));
}

TEST_F(TrainingPicturesTest, AnUnchangedPicturesDigestIsItsFiles) {
  const TrainingPictures pictures = Pictures({.augment = AugmentMode::kNone});
  EXPECT_EQ(pictures.Variant(2, 9).digest, pictures.set().items[2].digest);
}

TEST_F(TrainingPicturesTest, MosaicsAreMadeOfDefectsOfTheSameCategory) {
  const TrainingPictures pictures = Pictures({.seed = 4, .mosaic_probability = 1.0});
  std::set<size_t> seen;
  for (uint64_t epoch = 0; epoch < 40; ++epoch) {
    const std::vector<size_t> parts = pictures.Variant(kGoodBolt, epoch).parts;
    EXPECT_THAT(parts, SizeIs(4));
    seen.insert(parts.begin(), parts.end());
    EXPECT_THAT(pictures.Variant(kDentedNut, epoch).parts, Each(::testing::AnyOf(8U, 9U)));
  }
  EXPECT_THAT(seen, ElementsAre(0, 1, 2, 3, 4));
  const auto mosaic = pictures.GetFullSize(kGoodBolt, 0);
  ASSERT_TRUE(mosaic.ok());
  EXPECT_TRUE(mosaic->anomalous);
  EXPECT_EQ(mosaic->picture.width, 16);
}

TEST_F(TrainingPicturesTest, FourOfTenPicturesOfMvtecsLayoutAreMosaics) {
  const TrainingPictures pictures = Pictures({.seed = 4});
  int mosaics = 0;
  for (uint64_t epoch = 0; epoch < 500; ++epoch) {
    for (int64_t i = 0; i < pictures.size(); ++i) mosaics += pictures.Variant(i, epoch).parts.size() == 4 ? 1 : 0;
  }
  EXPECT_NEAR(mosaics / 6000.0, 0.4, 0.032);  // 5 deviations
}

TEST_F(TrainingPicturesTest, OtherLayoutsHaveNoMosaics) {
  disk_.Put("list.csv",
            "image,category,label,mask\n"
            "bolt/test/good/0.png,bolt,0,\n"
            "bolt/test/dent/0.png,bolt,1,bolt/ground_truth/dent/0_mask.png\n");
  absl::StatusOr<TrainingSet> set = OpenTrainingSet({{.path = disk_.root() / "list.csv"}}, {}, nullptr);
  ASSERT_TRUE(set.ok()) << set.status();
  const TrainingPictures pictures(*std::move(set), SmallNetwork(), {});
  for (uint64_t epoch = 0; epoch < 50; ++epoch) EXPECT_THAT(pictures.Variant(0, epoch).parts, ElementsAre(0));
}

TEST_F(TrainingPicturesTest, ACategoryWithoutDefectsHasNoMosaics) {
  disk_.PutGood("washer", "0", 7);
  const TrainingPictures pictures = Pictures({.mosaic_probability = 1.0});
  EXPECT_THAT(pictures.Variant(pictures.size() - 1, 0).parts, SizeIs(1));
}

TEST_F(TrainingPicturesTest, RefusesAnIndexThatIsNone) {
  const TrainingPictures pictures = Pictures({});
  EXPECT_EQ(pictures.Get(-1, 0).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(pictures.Get(pictures.size(), 0).status().code(), absl::StatusCode::kOutOfRange);
}

}  // namespace
}  // namespace bayespfl
