#include "model/training_data/mosaic.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace bayespfl {
namespace {

using ::testing::ElementsAre;

// One colour, wholly marked or not at all.
LabelledPicture Plain(int width, int height, uint8_t value, bool anomalous) {
  const auto pixels = static_cast<size_t>(width) * static_cast<size_t>(height);
  return {{width, height, std::vector<uint8_t>(3 * pixels, value)},
          std::vector<uint8_t>(pixels, anomalous ? 255 : 0),
          anomalous};
}

TEST(MosaicTest, LaysFourPicturesRowByRow) {
  const LabelledPicture mosaic =
      MakeMosaic({Plain(1, 1, 1, false), Plain(1, 1, 2, true), Plain(1, 1, 3, false), Plain(1, 1, 4, true)});

  EXPECT_EQ(mosaic.picture.width, 2);
  EXPECT_EQ(mosaic.picture.height, 2);
  EXPECT_THAT(mosaic.picture.pixels, ElementsAre(1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4));
  EXPECT_THAT(mosaic.mask, ElementsAre(0, 255, 0, 255));
  EXPECT_TRUE(mosaic.anomalous);
}

TEST(MosaicTest, BringsTheOthersToTheSizeOfTheFirst) {
  const LabelledPicture mosaic =
      MakeMosaic({Plain(3, 2, 1, true), Plain(9, 7, 2, true), Plain(1, 1, 3, false), Plain(3, 2, 4, false)});

  EXPECT_EQ(mosaic.picture.width, 6);
  EXPECT_EQ(mosaic.picture.height, 4);
  EXPECT_EQ(mosaic.picture.pixels[9], 2);
  EXPECT_EQ(mosaic.picture.pixels[36], 3);
  EXPECT_THAT(mosaic.mask, ElementsAre(255, 255, 255, 255, 255, 255,  //
                                       255, 255, 255, 255, 255, 255,  //
                                       0, 0, 0, 0, 0, 0,              //
                                       0, 0, 0, 0, 0, 0));
}

TEST(MosaicTest, OfNormalPicturesIsNormal) {
  const LabelledPicture part = Plain(1, 1, 1, false);
  EXPECT_FALSE(MakeMosaic({part, part, part, part}).anomalous);
}

TEST(MosaicTest, MasksKeepTheirPlaceWhenTheyAreEnlarged) {
  LabelledPicture half = Plain(2, 1, 9, true);
  half.mask = {255, 0};
  const LabelledPicture mosaic =
      MakeMosaic({Plain(4, 1, 1, false), half, Plain(4, 1, 1, false), Plain(4, 1, 1, false)});
  EXPECT_THAT(mosaic.mask, ElementsAre(0, 0, 0, 0, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0));
}

}  // namespace
}  // namespace bayespfl
