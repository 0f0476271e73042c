#include "model/synthetic/photographs.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/image/decode.h"
#include "model/image/encode.h"
#include "model/synthetic/scene.h"
#include "model/synthetic/write_set.h"
#include "model/training_data/training_set.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl::synthetic {
namespace {

namespace fs = std::filesystem;

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Le;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

constexpr int kSide = 96;

// Every pixel another colour than its neighbours, all values of the middle range.
RgbImage Colourful(int width, int height) {
  RgbImage picture{width, height, {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (const int value : {40 + (3 * x + y) % 176, 60 + (x + 2 * y) % 150, 50 + (5 * x + 3 * y) % 160}) {
        picture.pixels.push_back(static_cast<uint8_t>(value));
      }
    }
  }
  return picture;
}

RgbImage Plain(int width, int height, const std::array<uint8_t, 3>& colour) {
  RgbImage picture{width, height, {}};
  for (int i = 0; i < width * height; ++i) picture.pixels.insert(picture.pixels.end(), colour.begin(), colour.end());
  return picture;
}

Draws DrawsOf(uint64_t number) { return PhotographDraws(1, "parts", number); }

SceneOptions WithDefect(absl::string_view name) { return {.side = kSide, .defects = {FindDefect(name)}}; }

Scene Make(const RgbImage& photograph, bool anomalous, uint64_t number, const SceneOptions& options = {.side = kSide}) {
  absl::StatusOr<Scene> scene = MakePhotographScene(photograph, anomalous, options, DrawsOf(number));
  EXPECT_TRUE(scene.ok()) << number << ": " << scene.status();
  return scene.value_or(Scene{});
}

double Share(const Scene& scene) {
  const std::vector<uint8_t>& mask = scene.labelled.mask;
  return static_cast<double>(std::count(mask.begin(), mask.end(), 255)) / static_cast<double>(mask.size());
}

// Mean change of a pixel's channels, gray levels.
double Change(const RgbImage& one, const RgbImage& other, size_t pixel) {
  double change = 0;
  for (size_t c = 0; c < 3; ++c) change += std::abs(one.pixels[3 * pixel + c] - other.pixels[3 * pixel + c]) / 3.0;
  return change;
}

bool IsNearMask(const Scene& scene, int column, int row, int reach) {
  const RgbImage& picture = scene.labelled.picture;
  for (int y = std::max(0, row - reach); y <= std::min(picture.height - 1, row + reach); ++y) {
    for (int x = std::max(0, column - reach); x <= std::min(picture.width - 1, column + reach); ++x) {
      if (scene.labelled.mask[static_cast<size_t>(y) * static_cast<size_t>(picture.width) + static_cast<size_t>(x)] !=
          0) {
        return true;
      }
    }
  }
  return false;
}

// ------------------------------------------------------------------------------------------------ one scene

TEST(PhotographSceneTest, AGoodSceneShowsThePhotographsOwnColours) {
  const Scene scene = Make(Plain(200, 150, {17, 134, 251}), false, 0);
  EXPECT_FALSE(scene.labelled.anomalous);
  EXPECT_EQ(scene.defect, "");
  EXPECT_EQ(scene.labelled.mask, std::vector<uint8_t>(scene.labelled.picture.pixel_count(), 0));
  EXPECT_EQ(std::max(scene.labelled.picture.width, scene.labelled.picture.height), kSide);
  EXPECT_EQ(scene.labelled.picture.pixels,
            Plain(scene.labelled.picture.width, scene.labelled.picture.height, {17, 134, 251}).pixels);
}

// The draws up to the defect are the same for both, so that the good scene is the picture before the damage. Each kind
// of light is among the numbers.
TEST(PhotographSceneTest, LightLeavesWhatIsUndamagedAsItIs) {
  const RgbImage photograph = Colourful(180, 180);
  for (uint64_t number = 0; number < 12; ++number) {
    const Scene good = Make(photograph, false, number);
    const Scene bad = Make(photograph, true, number, WithDefect("hole"));
    ASSERT_EQ(good.labelled.picture.width, bad.labelled.picture.width);
    for (int y = 0; y < bad.labelled.picture.height; ++y) {
      for (int x = 0; x < bad.labelled.picture.width; ++x) {
        if (IsNearMask(bad, x, y, 8)) continue;  // slopes and blur reach so far
        const size_t pixel =
            static_cast<size_t>(y) * static_cast<size_t>(bad.labelled.picture.width) + static_cast<size_t>(x);
        ASSERT_EQ(Change(good.labelled.picture, bad.labelled.picture, pixel), 0) << number << ": " << x << ", " << y;
      }
    }
  }
}

TEST(PhotographSceneTest, EveryDefectIsSeenWithinItsMaskAndWithinTheLimits) {
  const RgbImage photograph = Colourful(180, 140);
  for (const Defect* defect : PhotographDefects()) {
    for (uint64_t number = 0; number < 3; ++number) {
      const Scene good = Make(photograph, false, number);
      const Scene bad = Make(photograph, true, number, WithDefect(defect->name));
      EXPECT_EQ(bad.defect, defect->name);
      EXPECT_TRUE(bad.labelled.anomalous);
      EXPECT_THAT(bad.labelled.mask, Each(::testing::AnyOf(0, 255)));
      EXPECT_THAT(Share(bad), AllOf(Ge(kLeastDefectShare), Le(kMostDefectShare))) << defect->name;
      double inside = 0;
      double seen = 0;
      for (size_t i = 0; i < bad.labelled.mask.size(); ++i) {
        if (bad.labelled.mask[i] == 0) continue;
        ++inside;
        seen += Change(good.labelled.picture, bad.labelled.picture, i) >= 9.5 ? 1 : 0;
      }
      EXPECT_GE(seen / inside, 0.39) << defect->name << " " << number;
    }
  }
}

TEST(PhotographSceneTest, ADentIsSeenByItsShadingAlone) {
  const RgbImage photograph = Plain(128, 128, {120, 120, 120});
  for (uint64_t number = 0; number < 6; ++number) {
    const Scene scene = Make(photograph, true, number, WithDefect("dent"));
    const RgbImage& picture = scene.labelled.picture;
    std::set<uint8_t> levels;
    for (size_t i = 0; i < scene.labelled.mask.size(); ++i) {
      ASSERT_EQ(picture.pixels[3 * i], picture.pixels[3 * i + 1]);
      if (scene.labelled.mask[i] != 0) levels.insert(picture.pixels[3 * i]);
    }
    EXPECT_GT(levels.size(), 10U) << number;  // a slope, not a patch
  }
}

TEST(PhotographSceneTest, DefectAreasHaveTheirMedianNearFivePercent) {
  const RgbImage photograph = Colourful(180, 140);
  std::vector<double> shares;
  for (uint64_t number = 0; number < 120; ++number) {
    shares.push_back(Share(Make(photograph, true, number, {.side = 64})));
  }
  std::nth_element(shares.begin(), shares.begin() + 60, shares.end());
  EXPECT_THAT(shares[60], AllOf(Ge(0.035), Le(0.07)));
}

TEST(PhotographSceneTest, TheSameDrawsGiveTheSameScene) {
  const RgbImage photograph = Colourful(180, 140);
  const Scene first = Make(photograph, true, 3);
  const Scene second = Make(photograph, true, 3);
  EXPECT_EQ(first.labelled.picture.pixels, second.labelled.picture.pixels);
  EXPECT_EQ(first.labelled.mask, second.labelled.mask);
  EXPECT_NE(first.labelled.picture.pixels, Make(photograph, true, 4).labelled.picture.pixels);
}

TEST(PhotographSceneTest, PiecesLieAnywhereAndAreMirroredEitherWay) {
  RgbImage photograph = Plain(128, 128, {50, 50, 50});
  for (size_t i = 0; i < photograph.pixel_count(); ++i) {  // brighter to the right and below
    photograph.pixels[3 * i] = static_cast<uint8_t>(50 + i % 128);
    photograph.pixels[3 * i + 1] = static_cast<uint8_t>(50 + i / 128);
  }
  std::set<std::pair<bool, bool>> mirrored;
  std::set<int> levels;
  for (uint64_t number = 0; number < 40; ++number) {
    const RgbImage picture = Make(photograph, false, number).labelled.picture;
    const size_t last = picture.pixels.size() - 3;
    mirrored.emplace(picture.pixels[0] > picture.pixels[last], picture.pixels[1] > picture.pixels[last + 1]);
    levels.insert(std::min(picture.pixels[0], picture.pixels[last]));
    EXPECT_GT(std::abs(picture.pixels[0] - picture.pixels[last]), 40);  // most of the photograph
  }
  EXPECT_EQ(mirrored.size(), 4U);
  EXPECT_GT(levels.size(), 10U);
}

TEST(PhotographSceneTest, APhotographWithoutColourGetsNone) {
  for (uint64_t number = 0; number < 12; ++number) {
    const Scene scene = Make(Plain(100, 100, {90, 90, 90}), true, number, WithDefect("contamination"));
    const std::vector<uint8_t>& pixels = scene.labelled.picture.pixels;
    for (size_t i = 0; i < pixels.size(); i += 3) {
      ASSERT_EQ(pixels[i], pixels[i + 1]);
      ASSERT_EQ(pixels[i], pixels[i + 2]);
    }
  }
}

TEST(PhotographSceneTest, NothingIsMovedOnPhotographs) {
  const RgbImage photograph = Colourful(128, 128);
  EXPECT_EQ(PhotographDefects().size() + 1, Defects().size());
  EXPECT_THAT(PhotographDefects(), Not(Contains(FindDefect("bend"))));
  for (uint64_t number = 0; number < 60; ++number) {
    const SceneOptions both{.side = 64, .defects = {FindDefect("bend"), FindDefect("hole")}};
    EXPECT_EQ(Make(photograph, true, number, both).defect, "hole");
  }
  EXPECT_EQ(MakePhotographScene(photograph, true, WithDefect("bend"), DrawsOf(0)).status().code(),
            absl::StatusCode::kInternal);
}

TEST(PhotographSceneTest, TakesTheSmallestAndTheLongestPhotographs) {
  for (const auto& [width, height] : {std::pair{64, 64}, std::pair{64, 700}, std::pair{900, 64}}) {
    for (uint64_t number = 0; number < 6; ++number) Make(Colourful(width, height), true, number, {.side = 128});
  }
}

// ------------------------------------------------------------------------------------------------ folders

std::string Png(const RgbImage& picture) { return EncodePng(picture).value_or(""); }

class PhotographsTest : public ::testing::Test {
 protected:
  absl::StatusOr<Photographs> Open(const std::string& name) const {
    return OpenPhotographs(folder_.File(name), {}, nullptr);
  }
  void Write(const std::string& name, int level = 100) const {
    folder_.Write(name, Png(Plain(70, 70, {static_cast<uint8_t>(level), 100, 100})));
  }
  // Every file below with its bytes.
  std::map<std::string, std::string> Files(const std::string& name) const {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder_.File(name))) {
      if (!entry.is_regular_file()) continue;
      const std::string file = fs::relative(entry.path(), folder_.path()).string();
      files[file.substr(name.size())] = folder_.Read(file);
    }
    return files;
  }
  const testing::TemporaryFolder folder_;
};

std::map<std::string, std::vector<std::string>> NamesOf(const Photographs& photographs) {
  std::map<std::string, std::vector<std::string>> names;
  for (const PhotographCategory& category : photographs.categories) {
    for (const PictureFile& file : category.files) names[category.name].push_back(file.name);
  }
  return names;
}

TEST_F(PhotographsTest, FoldersAreCategories) {
  Write("in/metal_nut/b.png");
  Write("in/metal_nut/deep/a.png");
  Write("in/cork/c.png");
  Write("in/lonely.png");
  folder_.Write("in/cork/notes.txt", "mine");
  const auto photographs = Open("in/");
  ASSERT_TRUE(photographs.ok()) << photographs.status();
  const std::map<std::string, std::vector<std::string>> expected = {
      {"cork", {"cork/c.png"}}, {"in", {"lonely.png"}}, {"metal_nut", {"metal_nut/b.png", "metal_nut/deep/a.png"}}};
  EXPECT_EQ(NamesOf(*photographs), expected);
  EXPECT_EQ(photographs->count(), 4);
  EXPECT_THAT(photographs->bad, IsEmpty());
  EXPECT_EQ(photographs->left_out.total(), 1);
}

TEST_F(PhotographsTest, WhatCannotBeUsedIsNamedAndLeftOut) {
  Write("in/a.png");
  folder_.Write("in/broken.png", Png(Plain(70, 70, {1, 2, 3})).substr(0, 60));
  folder_.Write("in/small.png", Png(Plain(70, 63, {1, 2, 3})));
  folder_.Write("in/text.jpg", "not a picture");
  const auto photographs = Open("in");
  ASSERT_TRUE(photographs.ok()) << photographs.status();
  EXPECT_EQ(photographs->count(), 1);
  std::vector<std::string> bad;
  for (const BadPhotograph& one : photographs->bad) bad.push_back(one.Sentence());
  EXPECT_THAT(bad, ElementsAre(HasSubstr("broken.png: "), HasSubstr("small.png: 70 x 63 pixels, less than 64"),
                               HasSubstr("text.jpg: ")));
}

TEST_F(PhotographsTest, ASetWithoutAUsablePhotographIsAnError) {
  folder_.Write("bad/broken.png", "broken");
  folder_.Write("none/notes.txt", "mine");
  EXPECT_THAT(Open("bad").status().message(), HasSubstr("none of the 1 pictures"));
  EXPECT_THAT(Open("bad").status().message(), HasSubstr("broken.png: "));
  EXPECT_EQ(Open("bad").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Open("none").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Open("nowhere").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(PhotographsTest, WritesASetThatTrainingTakesWithEveryPhotographOnce) {
  for (int i = 0; i < 8; ++i) Write("in/parts/" + std::to_string(i) + ".png", 40 + 20 * i);
  const auto photographs = Open("in");
  ASSERT_TRUE(photographs.ok());
  const SetOptions options{.good = 4, .anomalous = 4, .scene = {.side = 64, .defects = {FindDefect("hole")}}};
  const absl::Status status = WritePhotographSet(folder_.File("set"), *photographs, options, nullptr);
  ASSERT_TRUE(status.ok()) << status;

  const auto set = OpenTrainingSet({{.path = folder_.File("set")}}, {}, nullptr);
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(set->normal, 4);
  EXPECT_EQ(set->anomalous, 4);
  EXPECT_THAT(set->bad, IsEmpty());
  // Which photograph a picture is of is seen where it has no defect.
  std::vector<int> levels;
  for (const TrainingItem& item : set->items) {
    const auto loaded = LoadPicture(*set, item);
    ASSERT_TRUE(loaded.ok()) << loaded.status();
    std::map<int, int> counts;
    for (size_t i = 0; i < loaded->mask.size(); ++i) ++counts[loaded->picture.pixels[3 * i]];
    levels.push_back(
        std::max_element(counts.begin(), counts.end(), [](auto a, auto b) { return a.second < b.second; })->first);
  }
  EXPECT_THAT(levels, UnorderedElementsAre(40, 60, 80, 100, 120, 140, 160, 180));
}

TEST_F(PhotographsTest, GivesTheSameBytesFromAnyNumberOfThreadsAndBesideOthers) {
  for (int i = 0; i < 3; ++i) Write("in/parts/" + std::to_string(i) + ".png", 40 + 20 * i);
  Write("in/others/a.png");
  fs::create_directories(folder_.File("alone"));
  fs::copy(folder_.File("in/parts"), folder_.File("alone/parts"), fs::copy_options::recursive);
  SetOptions options{.good = 2, .anomalous = 3, .seed = 9, .scene = {.side = 64}};
  ASSERT_TRUE(WritePhotographSet(folder_.File("one"), *Open("in"), options, nullptr).ok());
  options.threads = 3;
  ASSERT_TRUE(WritePhotographSet(folder_.File("two"), *Open("in"), options, nullptr).ok());
  ASSERT_TRUE(WritePhotographSet(folder_.File("three"), *Open("alone"), options, nullptr).ok());
  const auto one = Files("one");
  EXPECT_EQ(one.size(), 16U);
  EXPECT_EQ(one, Files("two"));
  for (const auto& [name, bytes] : Files("three")) EXPECT_EQ(one.at(name), bytes) << name;
}

TEST_F(PhotographsTest, APhotographThatVanishesIsNamed) {
  Write("in/a.png");
  const auto photographs = Open("in");
  ASSERT_TRUE(photographs.ok());
  fs::remove(folder_.File("in/a.png"));
  const absl::Status status = WritePhotographSet(folder_.File("set"), *photographs, {.good = 1}, nullptr);
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(status.message(), HasSubstr("a.png"));
}

TEST(PhotographOrderTest, IsAPermutationOfItsOwnForEachSeedAndCategory) {
  const std::vector<size_t> order = PhotographOrder(0, "nut", 50);
  EXPECT_EQ(std::set<size_t>(order.begin(), order.end()).size(), 50U);
  EXPECT_EQ(*std::max_element(order.begin(), order.end()), 49U);
  EXPECT_FALSE(std::is_sorted(order.begin(), order.end()));
  EXPECT_EQ(order, PhotographOrder(0, "nut", 50));
  EXPECT_NE(order, PhotographOrder(1, "nut", 50));
  EXPECT_NE(order, PhotographOrder(0, "cork", 50));
}

TEST(PhotographDrawsTest, HangOnSeedCategoryAndNumber) {
  const uint32_t word = PhotographDraws(1, "nut", 0).Word();
  EXPECT_NE(word, PhotographDraws(2, "nut", 0).Word());
  EXPECT_NE(word, PhotographDraws(1, "cork", 0).Word());
  EXPECT_NE(word, PhotographDraws(1, "nut", 1).Word());
  EXPECT_NE(word, SceneDraws(1, *FindFamily("nut"), 0, 0).Word());
}

}  // namespace
}  // namespace bayespfl::synthetic
