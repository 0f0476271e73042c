#include "model/verdict/categories.h"

#include <cmath>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace bayespfl {
namespace {

using ::testing::HasSubstr;

// ---- keys ----------------------------------------------------------------------------------------------------------

TEST(CategoryKeyTest, IsTheTextAsThePlantWritesIt) {
  EXPECT_EQ(*CategoryKey("PCB-4711 rev  C"), "PCB-4711 rev  C");
  EXPECT_EQ(*CategoryKey("caf\xC3\xA9"), "caf\xC3\xA9");
}

TEST(CategoryKeyTest, HasNoWhiteSpaceAroundIt) { EXPECT_EQ(*CategoryKey(" \t leather\n"), "leather"); }

TEST(CategoryKeyTest, NothingIsNoCategory) {
  for (const char* text : {"", "   "}) {
    const absl::Status status = CategoryKey(text, "object").status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(status.message(), "object is empty");
  }
}

TEST(CategoryKeyTest, TheLimitIsInBytes) {
  EXPECT_TRUE(CategoryKey(std::string(kMaxCategoryBytes, 'a')).ok());
  EXPECT_THAT(std::string(CategoryKey(std::string(kMaxCategoryBytes + 1, 'a')).status().message()),
              HasSubstr("category has 257 bytes; the limit is 256"));
}

TEST(CategoryKeyTest, OtherBytesThanUtf8AreRefused) {
  EXPECT_THAT(std::string(CategoryKey("\xFF").status().message()), HasSubstr("category is not valid UTF-8"));
}

// ---- what a frame is inspected with --------------------------------------------------------------------------------

class CategoryTableTest : public ::testing::Test {
 protected:
  CategoryTableTest() {
    CategoryDefaults board;
    board.object = "printed circuit board";
    board.seed = 7;
    board.samples = 5;
    board.thresholds.source = ThresholdSource::kCategory;
    board.thresholds.revision = "0123456789ab";
    board.thresholds.lines = {{.rule = DecisionRule::kScore, .review = 0.25F, .fail = 0.5F}};
    board.ranges = ScoreRanges{.score = {0.1F, 0.2F}, .map_score = {0.3F, 0.4F}};
    Thresholds fallback;
    fallback.source = ThresholdSource::kPackage;
    fallback.mask = 0.75F;
    table_ = CategoryTable(fallback, {{"PCB-4711", board}});
  }

  CategoryTable table_;
};

TEST_F(CategoryTableTest, ACalibratedCategoryHasItsDefaults) {
  const CategorySetting setting = table_.Resolve({.category = "PCB-4711"});
  EXPECT_EQ(setting.object, "printed circuit board");
  EXPECT_EQ(setting.seed, 7U);
  EXPECT_EQ(setting.samples, 5);
  EXPECT_EQ(setting.thresholds, table_.calibrated().at("PCB-4711").thresholds);
  EXPECT_EQ(setting.ranges, table_.calibrated().at("PCB-4711").ranges);
}

TEST_F(CategoryTableTest, WhatTheRequestSaysWinsAndTheLinesStay) {
  const CategorySetting setting =
      table_.Resolve({.category = "PCB-4711", .object = "printed circuit board", .samples = 20, .seed = 0});
  EXPECT_EQ(setting.seed, 0U);
  EXPECT_EQ(setting.samples, 20);
  EXPECT_EQ(setting.thresholds.revision, "0123456789ab");
}

TEST_F(CategoryTableTest, AnotherObjectHasNeitherLinesNorDefaults) {
  const CategorySetting setting = table_.Resolve({.category = "PCB-4711", .object = "circuit board"});
  EXPECT_EQ(setting.object, "circuit board");
  EXPECT_EQ(setting.thresholds, table_.fallback());
  EXPECT_EQ(setting.seed, 0U);
  EXPECT_EQ(setting.samples, 0);
  EXPECT_FALSE(setting.ranges.has_value());
}

TEST_F(CategoryTableTest, AnUnknownCategoryIsItsOwnObjectWithoutLines) {
  const CategorySetting setting = table_.Resolve({.category = "leather", .samples = 3});
  EXPECT_EQ(setting.object, "leather");
  EXPECT_EQ(setting.samples, 3);
  EXPECT_EQ(setting.thresholds, table_.fallback());
  EXPECT_EQ(table_.Resolve({.category = "leather", .object = "hide", .seed = 9}).object, "hide");
}

TEST_F(CategoryTableTest, SpellingsAreDifferentCategories) {
  EXPECT_EQ(table_.Resolve({.category = "pcb-4711"}).thresholds, table_.fallback());
}

// ---- mixed score ---------------------------------------------------------------------------------------------------

TEST(MixedScoreTest, IsHalfOfEachStretchedByTheGoodParts) {
  const ScoreRanges ranges{.score = {0.25F, 0.75F}, .map_score = {0.5F, 1.0F}};
  EXPECT_NEAR(MixedScore(ranges, 0.25F, 0.5F), 0, 1e-6);
  EXPECT_NEAR(MixedScore(ranges, 0.75F, 1.0F), 1, 1e-6);
  EXPECT_NEAR(MixedScore(ranges, 0.75F, 0.5F), 0.5, 1e-6);
}

TEST(MixedScoreTest, IsNotClipped) {
  const ScoreRanges ranges{.score = {0.25F, 0.5F}, .map_score = {0.25F, 0.5F}};
  EXPECT_NEAR(MixedScore(ranges, 1, 1), 3, 1e-5);
  EXPECT_NEAR(MixedScore(ranges, 0, 0), -1, 1e-5);
}

TEST(MixedScoreTest, IsFiniteWhereAllGoodPartsAreAlike) {
  const ScoreRanges ranges{.score = {0.5F, 0.5F}, .map_score = {0.5F, 0.5F}};
  EXPECT_EQ(MixedScore(ranges, 0.5F, 0.5F), 0);
  EXPECT_TRUE(std::isfinite(MixedScore(ranges, 1, 1)));
}

}  // namespace
}  // namespace bayespfl
