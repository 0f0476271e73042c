#include "model/image/picture_reading.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/image/encode.h"
#include "model/image/orientation.h"
#include "tests/support/exif.h"

namespace bayespfl {
namespace {

using ::testing::HasSubstr;
using testing::WithExif;

absl::Span<const uint8_t> Bytes(const std::string& file) {
  return absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(file.data()), file.size());
}

// 3 x 1 pixels of 12 bits in 16: 0, 2048, 4095; to be turned by a quarter.
std::string LyingPng() {
  const std::string png = *EncodePng(PngSamples::kGray16, 3, 1, std::vector<uint8_t>{0, 0, 8, 0, 15, 255});
  return WithExif(png, Orientation::kQuarterTurn);
}

TEST(ReadPictureTest, TurnsThePictureOnlyWhereThatIsWanted) {
  const std::string file = LyingPng();

  const auto stored = ReadPicture(Bytes(file), {});
  const auto upright = ReadPicture(Bytes(file), {.apply_orientation = true});

  ASSERT_TRUE(stored.ok() && upright.ok()) << stored.status() << upright.status();
  EXPECT_EQ(stored->width, 3);
  EXPECT_EQ(upright->width, 1);
  EXPECT_EQ(upright->height, 3);
}

TEST(ReadPictureTest, SpreadsTheSignificantBits) {
  const std::string file = LyingPng();

  const auto image = ReadPicture(Bytes(file), {.significant_bits = 12, .apply_orientation = true});

  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->pixels, (std::vector<uint8_t>{0, 0, 0, 128, 128, 128, 255, 255, 255}));
}

// Or nobody would be warned of a dark picture that was turned.
TEST(ReadPictureTest, ATurnedPictureStillTellsHowManyBitsItFills) {
  const std::string file = LyingPng();

  const auto image = ReadPicture(Bytes(file), {.apply_orientation = true});

  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->sample_bits, 12);
}

TEST(ReadPictureTest, KeepsToTheLimits) {
  const std::string file = LyingPng();

  const auto image = ReadPicture(Bytes(file), {.apply_orientation = true}, {.max_pixels = 2});

  EXPECT_TRUE(IsOverImageLimit(image.status())) << image.status();
}

TEST(StandsOtherwiseTest, NeedsExifDataThatTurnsAndAnotherChoiceThanTheOthers) {
  const std::string lying = LyingPng();
  const std::string upright =
      WithExif(*EncodePng(PngSamples::kGray8, 1, 1, std::vector<uint8_t>{7}), Orientation::kUpright);

  EXPECT_TRUE(StandsOtherwise(Bytes(lying), /*applied=*/true, /*expected=*/false));
  EXPECT_TRUE(StandsOtherwise(Bytes(lying), /*applied=*/false, /*expected=*/true));
  EXPECT_FALSE(StandsOtherwise(Bytes(lying), /*applied=*/true, /*expected=*/true));
  EXPECT_FALSE(StandsOtherwise(Bytes(lying), /*applied=*/true, std::nullopt));
  EXPECT_FALSE(StandsOtherwise(Bytes(lying), /*applied=*/false, std::nullopt));
  EXPECT_FALSE(StandsOtherwise(Bytes(upright), /*applied=*/true, /*expected=*/false));
}

TEST(StandsOtherwiseTest, TheAdviceIsTheOtherChoice) {
  EXPECT_THAT(std::string(OtherOrientationMessage(/*applied=*/true)), HasSubstr("without apply_orientation"));
  EXPECT_THAT(std::string(OtherOrientationMessage(/*applied=*/false)), HasSubstr("with apply_orientation"));
}

}  // namespace
}  // namespace bayespfl
