#include "model/overlay/thumbnail.h"

#include <cstddef>
#include <cstdint>
#include <vector>

#include "gtest/gtest.h"

namespace bayespfl {
namespace {

RgbImage Flat(int width, int height, uint8_t gray) {
  return {width, height, std::vector<uint8_t>(3 * static_cast<size_t>(width) * static_cast<size_t>(height), gray)};
}

PixelMap FlatMap(int side, float value) {
  return {side, side, std::vector<float>(static_cast<size_t>(side) * static_cast<size_t>(side), value)};
}

// A mask of the map's size.
absl::StatusOr<RgbImage> Draw(const RgbImage& picture, const PixelMap& map, const std::vector<uint8_t>& mask,
                              const ThumbnailOptions& options = {}) {
  return DrawThumbnail(picture, map, {.width = map.width, .height = map.height, .values = mask}, options);
}

RgbImage MustDraw(const RgbImage& picture, const PixelMap& map, const std::vector<uint8_t>& mask,
                  const ThumbnailOptions& options = {}) {
  const absl::StatusOr<RgbImage> thumbnail = Draw(picture, map, mask, options);
  EXPECT_TRUE(thumbnail.ok()) << thumbnail.status();
  return thumbnail.value_or(RgbImage());
}

int At(const RgbImage& picture, int x, int y, int channel) {
  return picture.pixels[3 * static_cast<size_t>(y * picture.width + x) + static_cast<size_t>(channel)];
}

TEST(ThumbnailTest, ReducesLargePicturesAndKeepsTheirShape) {
  const RgbImage thumbnail = MustDraw(Flat(800, 200, 90), FlatMap(8, 0), {});
  EXPECT_EQ(thumbnail.width, 320);
  EXPECT_EQ(thumbnail.height, 80);
}

TEST(ThumbnailTest, KeepsTheSizeOfSmallPictures) {
  const RgbImage thumbnail = MustDraw(Flat(31, 57, 90), FlatMap(8, 0), {});
  EXPECT_EQ(thumbnail.width, 31);
  EXPECT_EQ(thumbnail.height, 57);
}

TEST(ThumbnailTest, ALowMapShowsThePicture) {
  const RgbImage thumbnail = MustDraw(Flat(32, 32, 90), FlatMap(8, 0.2F), {}, {.low = 0.2F, .high = 0.7F});
  for (int channel = 0; channel < 3; ++channel) EXPECT_NEAR(At(thumbnail, 16, 16, channel), 90, 3);
}

TEST(ThumbnailTest, AHighMapShowsThreeQuartersOfTheLastColour) {
  // Inferno ends in (252, 255, 164).
  const RgbImage thumbnail = MustDraw(Flat(32, 32, 0), FlatMap(8, 0.9F), {}, {.low = 0.2F, .high = 0.7F});
  EXPECT_NEAR(At(thumbnail, 16, 16, 0), 0.75 * 252, 4);
  EXPECT_NEAR(At(thumbnail, 16, 16, 1), 0.75 * 255, 4);
  EXPECT_NEAR(At(thumbnail, 16, 16, 2), 0.75 * 164, 4);
}

TEST(ThumbnailTest, OutlinesTheMaskInWhiteWithABlackEdge) {
  const RgbImage picture = Flat(64, 64, 128);
  std::vector<uint8_t> mask(size_t{64} * 64, 0);
  for (size_t y = 20; y < 44; ++y) {
    for (size_t x = 20; x < 44; ++x) mask[y * 64 + x] = 1;
  }

  const RgbImage thumbnail = MustDraw(picture, FlatMap(64, 0), mask);

  EXPECT_GT(At(thumbnail, 20, 32, 0), 190);
  EXPECT_LT(At(thumbnail, 18, 32, 0), 100);
  EXPECT_NEAR(At(thumbnail, 32, 32, 0), 128, 8);
  EXPECT_NEAR(At(thumbnail, 5, 5, 0), 128, 8);
}

TEST(ThumbnailTest, AThinMaskKeepsItsOutlineWhenItIsReduced) {
  std::vector<uint8_t> mask(size_t{640} * 640, 0);
  for (size_t y = 0; y < 640; ++y) {
    for (size_t x = 300; x < 302; ++x) mask[y * 640 + x] = 1;
  }

  const RgbImage thumbnail = MustDraw(Flat(640, 640, 0), FlatMap(640, 0), mask);

  EXPECT_GT(At(thumbnail, 150, 160, 0), 190);
}

TEST(ThumbnailTest, TheSameInputGivesTheSamePixels) {
  const std::vector<uint8_t> mask(64, 1);
  EXPECT_EQ(MustDraw(Flat(50, 40, 7), FlatMap(8, 0.5F), mask).pixels,
            MustDraw(Flat(50, 40, 7), FlatMap(8, 0.5F), mask).pixels);
}

TEST(ThumbnailTest, RefusesWhatItCannotDraw) {
  const auto code = [](const RgbImage& picture, const PixelMap& map, const std::vector<uint8_t>& mask,
                       const ThumbnailOptions& options) { return Draw(picture, map, mask, options).status().code(); };
  EXPECT_EQ(code({}, FlatMap(8, 0), {}, {}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(Flat(4, 4, 0), {}, {}, {}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(Flat(4, 4, 0), FlatMap(8, 0), std::vector<uint8_t>(63, 0), {}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(Flat(4, 4, 0), FlatMap(8, 0), {}, {.low = 0.5F, .high = 0.5F}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(Flat(4, 4, 0), FlatMap(8, 0), {}, {.longest = 0}), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace bayespfl
