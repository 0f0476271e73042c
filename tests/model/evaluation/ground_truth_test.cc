#include "model/evaluation/ground_truth.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/image/encode.h"
#include "tests/support/exif.h"
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

  const auto mask = ItemGroundTruth({.masks = {Bytes(GetParam() + ".png")}}, 56);

  ASSERT_TRUE(mask.ok()) << mask.status();
  ASSERT_EQ(mask->values.size(), expected.size());
  size_t positive = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_EQ(static_cast<float>(mask->values[i]), expected[i]) << i;
    positive += mask->values[i];
  }
  EXPECT_GT(positive, 0U);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, MaskFixtureTest, ::testing::Values("mask_131x97", "mask_lowvalues_37x211"));

TEST(GroundTruthTest, APictureWithoutAMaskIsNormalEverywhere) {
  const auto mask = ItemGroundTruth({.picture = "anything"}, 8);
  ASSERT_TRUE(mask.ok()) << mask.status();
  EXPECT_THAT(mask->values, ::testing::Each(0));
  EXPECT_EQ(mask->values.size(), 64U);
}

TEST(GroundTruthTest, AMaskOfAnotherSizeIsBrokenAndBothSizesAreNamed) {
  const auto picture = DecodeBytes(Bytes("rgb_56x56.png"));
  ASSERT_TRUE(picture.ok()) << picture.status();

  const absl::Status status = CheckMasks({.masks = {Bytes("mask_131x97.png")}}, *picture);

  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr("131"), HasSubstr("56")));
}

// Gray pictures as PNGs; not 0 is marked.
std::string GrayPng(int width, const std::vector<uint8_t>& gray) {
  return *EncodePng(PngSamples::kGray8, width, static_cast<int>(gray.size()) / width, gray);
}

TEST(GroundTruthTest, SeveralMasksCountTogether) {
  const auto truth = ItemGroundTruth({.masks = {GrayPng(2, {9, 0, 0, 0}), GrayPng(2, {0, 0, 0, 1})}}, 2);

  ASSERT_TRUE(truth.ok()) << truth.status();
  EXPECT_THAT(truth->values, ::testing::ElementsAre(1, 0, 0, 1));
  EXPECT_EQ(truth->marked_pixels, 2);
  EXPECT_EQ(truth->Remark(), "");
}

TEST(GroundTruthTest, MasksOfOnePictureAreOfOneSize) {
  const auto truth = ItemGroundTruth({.masks = {GrayPng(2, {9, 0, 0, 0}), GrayPng(1, {1})}}, 2);

  EXPECT_EQ(truth.status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(GroundTruthTest, AnEmptyMaskIsRemarkedOn) {
  const auto truth = ItemGroundTruth({.masks = {GrayPng(2, {0, 0, 0, 0})}}, 2);

  ASSERT_TRUE(truth.ok()) << truth.status();
  EXPECT_EQ(truth->Remark(), "its mask marks no pixel");
}

TEST(GroundTruthTest, AMarkThatTheMapIsTooCoarseForIsRemarkedOn) {
  std::vector<uint8_t> speck(1024, 0);
  speck[500] = 255;

  const auto truth = ItemGroundTruth({.masks = {GrayPng(32, speck)}}, 2);

  ASSERT_TRUE(truth.ok()) << truth.status();
  EXPECT_EQ(truth->marked_pixels, 1);
  EXPECT_EQ(truth->Remark(), "what its mask marks is too small for the model's map");
}

TEST(GroundTruthTest, AMaskThatCannotBeReadIsBroken) {
  const auto picture = DecodeBytes(Bytes("rgb_56x56.png"));
  EXPECT_FALSE(CheckMasks({.masks = {"no picture"}}, *picture).ok());
}

// A gray picture of 3 x 1 pixels, to be turned by a quarter.
std::string Lying(const std::vector<uint8_t>& gray) {
  return testing::WithExif(GrayPng(3, gray), Orientation::kQuarterTurn);
}

TEST(GroundTruthTest, WherePicturesAreTurnedAMaskIsByItsOwnExifDataAlone) {
  const PictureReading upright{.apply_orientation = true};
  const ItemFiles turned{.picture = Lying({1, 2, 3}), .masks = {Lying({9, 0, 0})}};
  const ItemFiles drawn_upright{.picture = Lying({1, 2, 3}), .masks = {GrayPng(1, {9, 0, 0})}};
  const auto picture = DecodeBytes(turned.picture, upright);
  ASSERT_TRUE(picture.ok()) << picture.status();

  EXPECT_TRUE(CheckMasks(turned, *picture, upright).ok());
  EXPECT_TRUE(CheckMasks(drawn_upright, *picture, upright).ok());
  EXPECT_EQ(ItemGroundTruth(turned, 3, upright)->values, ItemGroundTruth(drawn_upright, 3, upright)->values);
  EXPECT_NE(ItemGroundTruth(turned, 3)->values, ItemGroundTruth(drawn_upright, 3)->values);
}

TEST(GroundTruthTest, AQuarterTurnBetweenMaskAndPictureIsExplained) {
  const PictureReading upright{.apply_orientation = true};
  const ItemFiles lying_mask{.picture = Lying({1, 2, 3}), .masks = {GrayPng(3, {9, 0, 0})}};
  const ItemFiles upright_mask{.picture = Lying({1, 2, 3}), .masks = {GrayPng(1, {9, 0, 0})}};
  const ItemFiles no_turn{.picture = GrayPng(3, {1, 2, 3}), .masks = {GrayPng(1, {9, 0, 0})}};
  const auto message = [](const ItemFiles& files, const PictureReading& reading) {
    return std::string(CheckMasks(files, *DecodeBytes(files.picture, reading), reading).message());
  };

  EXPECT_THAT(message(lying_mask, upright), HasSubstr("its mask lies as the picture is stored"));
  EXPECT_THAT(message(upright_mask, {}), HasSubstr("(--apply-orientation)"));
  EXPECT_EQ(message(no_turn, {}), "the mask is 1x3 pixels, its picture 3x1");
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
  const std::string digest = ItemFiles{.picture = "a", .masks = {"b"}}.Digest();
  EXPECT_NE(digest, (ItemFiles{.picture = "A", .masks = {"b"}}.Digest()));
  EXPECT_NE(digest, (ItemFiles{.picture = "a", .masks = {"B"}}.Digest()));
  EXPECT_NE(digest, (ItemFiles{.picture = "ab"}.Digest()));
}

}  // namespace
}  // namespace bayespfl
