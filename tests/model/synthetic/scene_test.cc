#include "model/synthetic/scene.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/synthetic/write_set.h"

namespace bayespfl::synthetic {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::Ge;
using ::testing::Le;

constexpr SceneOptions kSmall{.side = 96};

Scene Make(const Family& family, bool anomalous, uint64_t number, const SceneOptions& options = kSmall) {
  absl::StatusOr<Scene> scene = MakeScene(family, anomalous, options, SceneDraws(1, family, 0, number));
  EXPECT_TRUE(scene.ok()) << family.name << " " << number << ": " << scene.status();
  return scene.value_or(Scene{});
}

double Share(const Scene& scene) {
  const std::vector<uint8_t>& mask = scene.labelled.mask;
  return static_cast<double>(std::count(mask.begin(), mask.end(), 255)) / static_cast<double>(mask.size());
}

class FamilyTest : public ::testing::TestWithParam<const Family*> {};

TEST_P(FamilyTest, AGoodSceneIsAPictureWithAnEmptyMask) {
  const Scene scene = Make(*GetParam(), false, 0);
  const RgbImage& picture = scene.labelled.picture;
  EXPECT_FALSE(scene.labelled.anomalous);
  EXPECT_EQ(scene.defect, "");
  EXPECT_EQ(picture.pixels.size(), picture.pixel_count() * 3);
  EXPECT_EQ(scene.labelled.mask, std::vector<uint8_t>(picture.pixel_count(), 0));
  // There is something to see.
  const auto [low, high] = std::minmax_element(picture.pixels.begin(), picture.pixels.end());
  EXPECT_GT(*high - *low, 15);
}

TEST_P(FamilyTest, DefectsHaveMasksWithinTheLimits) {
  for (uint64_t number = 0; number < 6; ++number) {
    const Scene scene = Make(*GetParam(), true, number);
    EXPECT_TRUE(scene.labelled.anomalous);
    EXPECT_NE(FindDefect(scene.defect), nullptr) << scene.defect;
    EXPECT_THAT(scene.labelled.mask, Each(::testing::AnyOf(0, 255)));
    // The mask is resampled where the picture is stretched, which moves its edge.
    EXPECT_THAT(Share(scene), AllOf(Ge(0.9 * kLeastDefectShare), Le(1.1 * kMostDefectShare))) << number;
  }
}

TEST_P(FamilyTest, TheSameDrawsGiveTheSameScene) {
  const Scene first = Make(*GetParam(), true, 3);
  const Scene second = Make(*GetParam(), true, 3);
  EXPECT_EQ(first.labelled.picture.pixels, second.labelled.picture.pixels);
  EXPECT_EQ(first.labelled.mask, second.labelled.mask);
  EXPECT_NE(first.labelled.picture.pixels, Make(*GetParam(), true, 4).labelled.picture.pixels);
}

std::vector<const Family*> All() {
  std::vector<const Family*> all;
  for (const Family& family : Families()) all.push_back(&family);
  return all;
}

INSTANTIATE_TEST_SUITE_P(All, FamilyTest, ::testing::ValuesIn(All()),
                         [](const auto& instance) { return std::string(instance.param->name); });

// A scene's draws up to the defect do not know of it: the same scene without the defect is the picture beside it.
TEST(MaskTest, PixelsOutsideTheMaskHardlyChange) {
  const Family& family = *FindFamily("film");
  for (const char* kind : {"hole", "spots", "crack"}) {
    const SceneOptions options{.side = 96, .defects = {FindDefect(kind)}};
    const Scene good = Make(family, false, 7, options);
    const Scene bad = Make(family, true, 7, options);
    ASSERT_EQ(good.labelled.picture.width, bad.labelled.picture.width);
    double inside = 0;
    double outside = 0;
    for (size_t i = 0; i < bad.labelled.mask.size(); ++i) {
      const double change = std::abs(good.labelled.picture.pixels[3 * i] - bad.labelled.picture.pixels[3 * i]);
      (bad.labelled.mask[i] != 0 ? inside : outside) += change;
    }
    const auto pixels = static_cast<double>(bad.labelled.mask.size());
    inside /= pixels * Share(bad);
    outside /= pixels * (1 - Share(bad));
    EXPECT_GT(inside, 6 * outside) << kind;
  }
}

TEST(DefectTest, EveryKindCanBeAskedForOnSurfacesAndObjects) {
  for (const Defect& defect : Defects()) {
    const SceneOptions options{.side = 96, .defects = {&defect}};
    for (const char* family : {"tiles", "plate"}) {
      EXPECT_EQ(Make(*FindFamily(family), true, 0, options).defect, defect.name) << family;
    }
  }
}

TEST(DefectTest, AreasHaveTheirMedianNearFivePercent) {
  std::vector<double> shares;
  for (const Family& family : Families()) {
    for (uint64_t number = 0; number < 12; ++number) shares.push_back(Share(Make(family, true, number)));
  }
  std::nth_element(shares.begin(), shares.begin() + static_cast<ptrdiff_t>(shares.size() / 2), shares.end());
  EXPECT_THAT(shares[shares.size() / 2], AllOf(Ge(0.035), Le(0.065)));
}

TEST(DefectTest, AHoleLiesWhollyOnThePart) {
  const Family& family = *FindFamily("ring");
  Part part(96, 96);
  Draws draws(4, PictureDraw::kScene, 0, 0);
  family.build(draws, part);
  const Part good = part;
  const Field footprint = FindDefect("hole")->make(500, draws, part);
  for (size_t i = 0; i < footprint.values.size(); ++i) {
    ASSERT_LE(footprint.values[i], good.coverage.values[i]);
  }
  EXPECT_GT(footprint.Sum(), 50);
}

TEST(DefectTest, ATextureWithoutAPatternIsNotBent) {
  for (const char* name : {"felt", "tiles"}) {
    Part part(96, 96);
    Draws draws(4, PictureDraw::kScene, 0, 0);
    FindFamily(name)->build(draws, part);
    EXPECT_EQ(FindDefect("bend")->make(500, draws, part).Sum() > 50, name == std::string("tiles")) << name;
  }
}

TEST(FamiliesTest, NamesAreUniqueAndFound) {
  std::set<std::string> names;
  for (const Family& family : Families()) {
    names.insert(std::string(family.name));
    EXPECT_EQ(FindFamily(family.name)->build, family.build);
  }
  EXPECT_EQ(names.size(), Families().size());
  EXPECT_EQ(FindFamily("unicorn"), nullptr);
}

TEST(FamiliesTest, ObjectsHaveABackgroundAndSurfacesFillThePicture) {
  for (const Family& family : Families()) {
    Part part(64, 64);
    Draws draws(1, PictureDraw::kScene, 0, 0);
    family.build(draws, part);
    EXPECT_EQ(part.object, family.object) << family.name;
    const double covered = part.coverage.Sum() / (64 * 64);
    if (family.object) {
      EXPECT_THAT(covered, AllOf(Ge(0.1), Le(0.95))) << family.name;
    } else {
      EXPECT_EQ(covered, 1) << family.name;
    }
  }
}

}  // namespace
}  // namespace bayespfl::synthetic
