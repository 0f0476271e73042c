#include "model/training_data/feature_cache.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr FeatureShape kShape{.layers = 4, .tokens = 9, .width = 5, .embedding = 7};

// Tensors of bytes that `salt` decides, in fp16.
class Features {
 public:
  explicit Features(uint8_t salt) {
    for (int64_t layer = 0; layer < kShape.layers; ++layer) {
      tensors_.emplace_back(static_cast<size_t>(kShape.tokens * kShape.width * 2), static_cast<uint8_t>(salt + layer));
    }
    tensors_.emplace_back(static_cast<size_t>(kShape.embedding * 2), static_cast<uint8_t>(salt + 100));
  }
  [[nodiscard]] std::vector<absl::Span<const uint8_t>> Views() const { return {tensors_.begin(), tensors_.end()}; }

  void ExpectIn(const CachedFeatures& found) const {
    for (size_t layer = 0; layer < 4; ++layer) {
      EXPECT_EQ(found.patch_tokens(static_cast<int64_t>(layer)), absl::MakeConstSpan(tensors_[layer])) << layer;
    }
    EXPECT_EQ(found.image(), absl::MakeConstSpan(tensors_.back()));
  }

 private:
  std::vector<std::vector<uint8_t>> tensors_;
};

class FeatureCacheTest : public ::testing::Test {
 protected:
  FeatureCacheOptions Options() const {
    return {.folder = folder_.File("cache"), .shape = kShape, .backbone = "tower", .preprocessing = "plain"};
  }
  static std::unique_ptr<FeatureCache> Open(const FeatureCacheOptions& options) {
    auto cache = FeatureCache::Open(options);
    EXPECT_TRUE(cache.ok()) << cache.status();
    return cache.ok() ? *std::move(cache) : nullptr;
  }
  static std::optional<CachedFeatures> Find(FeatureCache& cache, const std::string& digest) {
    auto found = cache.Find(digest);
    EXPECT_TRUE(found.ok()) << found.status();
    return found.ok() ? *std::move(found) : std::nullopt;
  }
  // Names below the temporary folder.
  std::vector<std::string> Files() const {
    std::vector<std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder_.File("cache"))) {
      if (entry.is_regular_file()) files.push_back(fs::relative(entry.path(), folder_.path()).string());
    }
    return files;
  }

  const testing::TemporaryFolder folder_;
};

TEST_F(FeatureCacheTest, GivesBackWhatWasPutAlsoToALaterRun) {
  const Features features(1);
  {
    const auto cache = Open(Options());
    EXPECT_FALSE(Find(*cache, "a").has_value());
    ASSERT_TRUE(cache->Put("a", features.Views()).ok());
    features.ExpectIn(Find(*cache, "a").value());
  }
  const auto later = Open(Options());
  features.ExpectIn(Find(*later, "a").value());
  EXPECT_EQ(later->damaged(), 0);
}

TEST_F(FeatureCacheTest, KeepsPicturesTowersPreprocessingAndTypesApart) {
  ASSERT_TRUE(Open(Options())->Put("a", Features(1).Views()).ok());
  FeatureCacheOptions other_tower = Options();
  other_tower.backbone = "another tower";
  FeatureCacheOptions other_preprocessing = Options();
  other_preprocessing.preprocessing = "larger";
  FeatureCacheOptions other_type = Options();
  other_type.type = FeatureType::kBf16;
  EXPECT_FALSE(Find(*Open(Options()), "b").has_value());
  for (const FeatureCacheOptions& options : {other_tower, other_preprocessing, other_type}) {
    EXPECT_FALSE(Find(*Open(options), "a").has_value());
  }
}

TEST_F(FeatureCacheTest, AnEntryLivesOnWhenItsFileIsDeleted) {
  const auto cache = Open(Options());
  ASSERT_TRUE(cache->Put("a", Features(1).Views()).ok());
  const std::optional<CachedFeatures> found = Find(*cache, "a");
  fs::remove_all(folder_.File("cache"));
  Features(1).ExpectIn(found.value());
}

TEST_F(FeatureCacheTest, AChangedByteIsFoundAndTheEntryMadeAnew) {
  ASSERT_TRUE(Open(Options())->Put("a", Features(1).Views()).ok());
  const std::string file = Files().at(0);
  for (const size_t at : {size_t{3}, size_t{17}, size_t{64}, folder_.Read(file).size() - 1}) {
    std::string bytes = folder_.Read(file);
    bytes[at] = static_cast<char>(bytes[at] ^ 4);
    folder_.Write(file, bytes);
    const auto cache = Open(Options());
    EXPECT_FALSE(Find(*cache, "a").has_value()) << at;
    EXPECT_EQ(cache->damaged(), 1) << at;
    ASSERT_TRUE(cache->Put("a", Features(1).Views()).ok());
    Features(1).ExpectIn(Find(*cache, "a").value());
  }
}

TEST_F(FeatureCacheTest, AnEntryOfAnotherLengthIsDamaged) {
  ASSERT_TRUE(Open(Options())->Put("a", Features(1).Views()).ok());
  const std::string file = Files().at(0);
  const std::string bytes = folder_.Read(file);
  for (const std::string& damaged : {bytes.substr(0, bytes.size() - 1), bytes.substr(0, 5), bytes + "x"}) {
    folder_.Write(file, damaged);
    const auto cache = Open(Options());
    EXPECT_FALSE(Find(*cache, "a").has_value());
    EXPECT_EQ(cache->damaged(), 1);
  }
}

TEST_F(FeatureCacheTest, RefusesFeaturesOfAnotherShape) {
  const auto cache = Open(Options());
  const Features features(1);
  std::vector<absl::Span<const uint8_t>> views = features.Views();
  views.pop_back();
  EXPECT_EQ(cache->Put("a", views).code(), absl::StatusCode::kInvalidArgument);
  views.push_back(views.front());
  EXPECT_EQ(cache->Put("a", views).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(Find(*cache, "a").has_value());
}

TEST_F(FeatureCacheTest, RefusesAShapeWithoutElements) {
  FeatureCacheOptions options = Options();
  options.shape.tokens = 0;
  EXPECT_EQ(FeatureCache::Open(options).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(FeatureCacheTest, SaysBeforehandThatTheDiskIsTooSmall) {
  FeatureCacheOptions options = Options();
  options.shape = {.layers = 4, .tokens = 1369, .width = 1024, .embedding = 768};
  options.free_bytes = [](const fs::path&) { return uint64_t{1'000'000'000}; };
  const auto cache = Open(options);
  EXPECT_NEAR(static_cast<double>(cache->entry_bytes()), 11.2e6, 0.1e6);
  std::vector<std::string> digests;
  for (int i = 0; i < 200; ++i) digests.push_back(absl::StrCat(i));

  const absl::Status status = cache->RequireRoom(digests);

  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("the features of 200 pictures need 2243.3 MB, 67.1 MB must stay free"),
                    HasSubstr(folder_.File("cache")), HasSubstr("has 1000.0 MB left")));
  digests.resize(80);
  EXPECT_TRUE(cache->RequireRoom(digests).ok());
  EXPECT_THAT(std::string(cache->RequireRoom(digests, 500'000'000).message()),
              HasSubstr("the features of 80 pictures need 897.3 MB beside 500.0 MB of others"));
}

TEST_F(FeatureCacheTest, EntriesThatAreThereNeedNoRoom) {
  FeatureCacheOptions options = Options();
  options.free_bytes = [](const fs::path&) { return uint64_t{0}; };
  const auto cache = Open(options);
  ASSERT_TRUE(cache->Put("a", Features(1).Views()).ok());
  EXPECT_TRUE(cache->RequireRoom({"a", "a"}).ok());
  EXPECT_FALSE(cache->RequireRoom({"a", "b"}).ok());
}

TEST_F(FeatureCacheTest, RemovesWhatKilledWritersLeftOnceItIsOld) {
  folder_.Write("cache/ab/.77-0.part", "half an entry");
  folder_.Write("cache/ab/.78-0.part", "being written");
  // Somebody else's: the folder may be any.
  folder_.Write("cache/film.part", "a download");
  folder_.Write("cache/ab/film.part", "a download");
  folder_.Write("cache/abc/.77-0.part", "another program's");
  for (const char* const file : {"ab/.77-0.part", "film.part", "ab/film.part", "abc/.77-0.part"}) {
    fs::last_write_time(folder_.File(absl::StrCat("cache/", file)),
                        fs::file_time_type::clock::now() - std::chrono::hours(2));
  }
  const auto cache = Open(Options());
  EXPECT_THAT(Files(), ::testing::UnorderedElementsAre("cache/ab/.78-0.part", "cache/film.part", "cache/ab/film.part",
                                                       "cache/abc/.77-0.part"));
}

TEST_F(FeatureCacheTest, ThreadsPutAndFindAtOnce) {
  const auto cache = Open(Options());
  const auto work = [&] {
    for (int i = 0; i < 60; ++i) {
      const auto salt = static_cast<uint8_t>(i % 6);
      const std::string digest = absl::StrCat(i % 6);
      const std::optional<CachedFeatures> found = Find(*cache, digest);
      if (found.has_value()) Features(salt).ExpectIn(*found);
      EXPECT_TRUE(cache->Put(digest, Features(salt).Views()).ok());
    }
  };
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back(work);
  }
  EXPECT_EQ(cache->damaged(), 0);
}

TEST_F(FeatureCacheTest, SurvivesBeingKilledWhileItWrites) {
  for (int round = 0; round < 5; ++round) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      auto cache = FeatureCache::Open(Options());
      for (int i = 0; cache.ok(); ++i) {
        const absl::Status put = (*cache)->Put(absl::StrCat(i % 50), Features(static_cast<uint8_t>(i % 50)).Views());
        if (!put.ok()) _exit(1);
      }
      _exit(1);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20 + 7 * round));
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status));
  }
  const auto cache = Open(Options());
  int found = 0;
  for (int i = 0; i < 50; ++i) {
    const std::optional<CachedFeatures> entry = Find(*cache, absl::StrCat(i));
    if (!entry.has_value()) continue;
    Features(static_cast<uint8_t>(i)).ExpectIn(*entry);
    ++found;
  }
  EXPECT_GT(found, 0);
  EXPECT_EQ(cache->damaged(), 0);
}

TEST(BackboneKeyTest, TellsWhatChangesTheTowersOutput) {
  ModelConfig config;
  config.vision.heads = 4;
  config.patch_size = 14;
  config.tapped_layers = {6, 12, 18, 24};
  const std::vector<uint8_t> weights = {1, 2, 3};
  const std::string key = BackboneKey(config, weights);
  ModelConfig more_heads = config;
  more_heads.vision.heads = 8;
  ModelConfig other_blocks = config;
  other_blocks.tapped_layers = {5, 12, 18, 24};
  ModelConfig smaller_patches = config;
  smaller_patches.patch_size = 12;
  EXPECT_NE(BackboneKey(more_heads, weights), key);
  EXPECT_NE(BackboneKey(other_blocks, weights), key);
  EXPECT_NE(BackboneKey(smaller_patches, weights), key);
  EXPECT_NE(BackboneKey(config, {{1, 2, 4}}), key);
  ModelConfig renamed = config;
  renamed.name = "another";
  EXPECT_EQ(BackboneKey(renamed, weights), key) << "packages of one tower share its features";
}

TEST(PreprocessingKeyTest, TellsWhatChangesTheTowersInput) {
  ModelConfig config;
  config.image_size = 518;
  config.mean = {0.1F, 0.2F, 0.3F};
  config.stddev = {1, 1, 1};
  const std::string key = PreprocessingKey(config);
  ModelConfig larger = config;
  larger.image_size = 336;
  ModelConfig brighter = config;
  brighter.mean[1] = std::nextafter(0.2F, 1.0F);
  EXPECT_NE(PreprocessingKey(larger), key);
  EXPECT_NE(PreprocessingKey(brighter), key);
}

}  // namespace
}  // namespace bayespfl
