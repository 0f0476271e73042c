#include "model/evaluation/ground_truth.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/paths.h"
#include "tests/support/safetensors_fixture.h"

namespace bayespfl {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const std::string kFolder = testing::TestData("preprocess/");

std::string Bytes(const std::string& file) {
  const std::vector<uint8_t> bytes = testing::ReadFileBytes(kFolder + file);
  return {bytes.begin(), bytes.end()};
}

class MaskFixtureTest : public ::testing::TestWithParam<std::string> {};

TEST_P(MaskFixtureTest, EqualsTheReferencesBinaryMask) {
  const auto golden = testing::LoadSafetensors(testing::TestData("preprocess.safetensors"));
  const std::vector<float>& expected = golden.at(absl::StrCat(GetParam(), "/56_binary")).values;

  const auto mask = ItemMask({.picture = "", .mask = Bytes(GetParam() + ".png")}, 56);

  ASSERT_TRUE(mask.ok()) << mask.status();
  ASSERT_EQ(mask->size(), expected.size());
  size_t positive = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_EQ(static_cast<float>((*mask)[i]), expected[i]) << i;
    positive += (*mask)[i];
  }
  EXPECT_GT(positive, 0U);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, MaskFixtureTest, ::testing::Values("mask_131x97", "mask_lowvalues_37x211"));

TEST(GroundTruthTest, APictureWithoutAMaskIsNormalEverywhere) {
  const auto mask = ItemMask({.picture = "anything", .mask = ""}, 8);
  ASSERT_TRUE(mask.ok()) << mask.status();
  EXPECT_THAT(*mask, ::testing::Each(0));
  EXPECT_EQ(mask->size(), 64U);
}

TEST(GroundTruthTest, AMaskOfAnotherSizeIsBrokenAndBothSizesAreNamed) {
  const auto picture = DecodeBytes(Bytes("rgb_56x56.png"));
  ASSERT_TRUE(picture.ok()) << picture.status();

  const absl::Status status = CheckMask({.picture = "", .mask = Bytes("mask_131x97.png")}, *picture);

  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr("131"), HasSubstr("56")));
}

TEST(GroundTruthTest, AMaskThatCannotBeReadIsBroken) {
  const auto picture = DecodeBytes(Bytes("rgb_56x56.png"));
  EXPECT_FALSE(CheckMask({.picture = "", .mask = "no picture"}, *picture).ok());
}

TEST(GroundTruthTest, AnAnomalousPictureNeedsAMaskUnlessTheDataSetHasNone) {
  Dataset dataset{.root = kFolder};
  const DatasetItem item{.image = "rgb_56x56.png", .category = "x", .anomalous = true};

  EXPECT_FALSE(ReadItem(dataset, item).ok());
  dataset.image_only = true;
  EXPECT_TRUE(ReadItem(dataset, item).ok());
}

TEST(GroundTruthTest, AMissingFileIsNamedAsTheDataSetNamesIt) {
  const Dataset dataset{.root = kFolder};
  const auto files = ReadItem(dataset, {.image = "nut/test/good/7.png", .category = "nut"});
  EXPECT_THAT(std::string(files.status().message()), HasSubstr("nut/test/good/7.png"));
}

TEST(GroundTruthTest, TheDigestChangesWithEitherFile) {
  const std::string digest = ItemFiles{.picture = "a", .mask = "b"}.Digest();
  EXPECT_NE(digest, (ItemFiles{.picture = "A", .mask = "b"}.Digest()));
  EXPECT_NE(digest, (ItemFiles{.picture = "a", .mask = "B"}.Digest()));
  EXPECT_NE(digest, (ItemFiles{.picture = "ab", .mask = ""}.Digest()));
}

}  // namespace
}  // namespace bayespfl
