#include "model/training_run/cached_pictures.h"

#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/libtorch.h"
#include "model/network/model.h"
#include "model/training/encoded_pictures.h"
#include "model/training_run/prepared_pictures.h"
#include "tests/model/training/tiny_training.h"
#include "tests/model/training_data/set_on_disk.h"
#include "tests/support/demo_model.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_package.h"

namespace bayespfl {
namespace {

// The small data set as tensors, for the tiny tower.
class CachedPicturesTest : public ::testing::Test {
 protected:
  CachedPicturesTest() { set_.PutParts(); }

  std::unique_ptr<FeatureCache> Cache(FeatureType type) const {
    return FeatureCache::Open({.folder = folder_.File("features"),
                               .shape = ShapeOf(tiny_.config),
                               .type = type,
                               .backbone = "tiny",
                               .preprocessing = PreprocessingKey(tiny_.config)})
        .value();
  }
  std::unique_ptr<TrainingPictures> Pictures() const {
    TrainingSet set = OpenTrainingSet({{.path = set_.root()}}, {}, [](int64_t, int64_t) {}).value();
    return std::make_unique<TrainingPictures>(
        std::move(set), tiny_.config,
        TrainingPicturesOptions{.seed = 3, .augment = AugmentMode::kFrozen, .frozen_variants = 2});
  }
  CachedPictures Cached(const TrainingPictures& pictures, const TrainingData& data, FeatureCache& cache,
                        FeatureType type) const {
    return {pictures, data, cache, towers_.vision, objects_, {.image_size = 56, .type = type}};
  }

  testing::SetOnDisk set_;
  const testing::TemporaryFolder folder_;
  const ModelPackage tiny_ = testing::TinyPackage();
  const ClipTowers towers_ =
      BayesPflModel::LoadTowers(tiny_.config, *tiny_.clip, torch::kCPU, {}, Precision::kFp32).value();
  const ObjectReader objects_ =
      ObjectReader::Create(testing::kDemoModel + "/bpe_simple_vocab_16e6.txt.gz", tiny_.config).value();
};

void ExpectSame(const LabelledBatch& a, const LabelledBatch& b) {
  EXPECT_TRUE(torch::equal(a.features.image, b.features.image));
  ASSERT_EQ(a.features.patch_tokens.size(), b.features.patch_tokens.size());
  for (size_t layer = 0; layer < a.features.patch_tokens.size(); ++layer) {
    EXPECT_TRUE(torch::equal(a.features.patch_tokens[layer], b.features.patch_tokens[layer])) << layer;
  }
  EXPECT_TRUE(torch::equal(a.positive, b.positive));
  EXPECT_TRUE(torch::equal(a.labels, b.labels));
  EXPECT_EQ(a.token_ids, b.token_ids);
  EXPECT_EQ(a.objects, b.objects);
  EXPECT_EQ(a.categories, b.categories);
}

TEST_F(CachedPicturesTest, APictureIsTheSameComputedFoundAndFoundByAnother) {
  const auto pictures = Pictures();
  const PreparedPictures prepared(*pictures, 56);
  const auto cache = Cache(FeatureType::kFp16);
  CachedPictures first = Cached(*pictures, prepared, *cache, FeatureType::kFp16);
  const std::vector<int64_t> indices = {7, 2, 4};

  const auto computed = first.Get(indices, 1);
  const auto found = first.Get(indices, 1);
  const auto again = Cache(FeatureType::kFp16);
  CachedPictures second = Cached(*pictures, prepared, *again, FeatureType::kFp16);
  const auto by_another = second.Get(indices, 1);

  ASSERT_TRUE(computed.ok() && found.ok() && by_another.ok()) << computed.status();
  ExpectSame(*computed, *found);
  ExpectSame(*computed, *by_another);
  EXPECT_EQ(first.use().computed, 3);
  EXPECT_EQ(first.use().found, 3);
  EXPECT_EQ(second.use().computed, 0);
}

TEST_F(CachedPicturesTest, APictureIsTheSameWhateverElseIsInItsBatch) {
  const auto pictures = Pictures();
  const PreparedPictures prepared(*pictures, 56);
  const auto cache = Cache(FeatureType::kFp32);
  CachedPictures cached = Cached(*pictures, prepared, *cache, FeatureType::kFp32);
  ASSERT_TRUE(cached.Get({2}, 0).ok());

  const auto mixed = cached.Get({1, 2, 3}, 0);
  const auto whole = cached.Get({1, 2, 3}, 0);

  ASSERT_TRUE(mixed.ok() && whole.ok());
  ExpectSame(*mixed, *whole);
}

TEST_F(CachedPicturesTest, InFp32ItHasTheNumbersOfTheTower) {
  const auto pictures = Pictures();
  const PreparedPictures prepared(*pictures, 56);
  const auto cache = Cache(FeatureType::kFp32);
  CachedPictures cached = Cached(*pictures, prepared, *cache, FeatureType::kFp32);
  EncodedPictures encoded(prepared, towers_.vision, objects_, {.image_size = 56});

  const auto from_cache = cached.Get({5}, 1);
  const auto from_tower = encoded.Get({5}, 1);

  ASSERT_TRUE(from_cache.ok() && from_tower.ok());
  ExpectSame(*from_cache, *from_tower);
}

// One file in two categories, as CSV data sets may have it.
TEST_F(CachedPicturesTest, APictureOfTwoCategoriesHasTheWordsOfEach) {
  for (const char* const category : {"one", "other"}) {
    set_.PutGood(category, "0", 50);
    set_.PutDefect(category, "0", 60);
  }
  TrainingSet set =
      OpenTrainingSet({{.path = set_.root(), .options = {.categories = {"one", "other"}}}}, {}, nullptr).value();
  const TrainingPictures pictures(std::move(set), tiny_.config, {.augment = AugmentMode::kNone});
  ASSERT_EQ(pictures.Variant(0, 0).digest, pictures.Variant(2, 0).digest);
  const PreparedPictures prepared(pictures, 56);
  const auto cache = Cache(FeatureType::kFp32);
  CachedPictures cached = Cached(pictures, prepared, *cache, FeatureType::kFp32);

  const auto batch = cached.Get({0, 2}, 0);

  ASSERT_TRUE(batch.ok()) << batch.status();
  EXPECT_THAT(batch->objects, ::testing::ElementsAre("one", "other"));
  EXPECT_THAT(batch->categories, ::testing::ElementsAre("parts/one", "parts/other"));
  EXPECT_NE(batch->token_ids[0], batch->token_ids[1]);
}

TEST_F(CachedPicturesTest, FeaturesThatItsTypeCannotHoldAreAnErrorAndNotKept) {
  class Glaring final : public TrainingData {
   public:
    explicit Glaring(const TrainingData& pictures) : pictures_(pictures) {}
    int64_t size() const override { return pictures_.size(); }
    absl::StatusOr<TrainingPicture> Get(int64_t index, uint64_t epoch) const override {
      absl::StatusOr<TrainingPicture> picture = pictures_.Get(index, epoch);
      picture->image.fill_(std::numeric_limits<float>::infinity());
      return picture;
    }

   private:
    const TrainingData& pictures_;
  };
  const auto pictures = Pictures();
  const PreparedPictures prepared(*pictures, 56);
  const auto cache = Cache(FeatureType::kFp16);
  const Glaring glaring(prepared);
  CachedPictures cached = Cached(*pictures, glaring, *cache, FeatureType::kFp16);

  EXPECT_EQ(cached.Get({0}, 0).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_FALSE(cache->Find(pictures->Variant(0, 0).digest)->has_value());
}

TEST_F(CachedPicturesTest, EpochsTakeTheVariantsInTurn) {
  const auto pictures = Pictures();
  const PreparedPictures prepared(*pictures, 56);
  const auto cache = Cache(FeatureType::kFp32);
  CachedPictures cached = Cached(*pictures, prepared, *cache, FeatureType::kFp32);
  const std::vector<int64_t> indices = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};

  const auto one = cached.Get(indices, 0);
  const auto other = cached.Get(indices, 1);
  const auto one_again = cached.Get(indices, 2);

  ASSERT_TRUE(one.ok() && other.ok() && one_again.ok());
  EXPECT_FALSE(torch::equal(one->features.image, other->features.image));
  ExpectSame(*one, *one_again);
  EXPECT_EQ(cached.Digests().size(), 24U);
}

}  // namespace
}  // namespace bayespfl
