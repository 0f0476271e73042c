#include "model/evaluation/overlay.h"

#include <cstdint>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "model/evaluation/ground_truth.h"

namespace bayespfl {
namespace {

RgbImage Flat(int width, int height, uint8_t gray) {
  return {width, height, std::vector<uint8_t>(3 * static_cast<size_t>(width) * static_cast<size_t>(height), gray)};
}

PixelMap FlatMap(int side, float value) {
  return {side, side, std::vector<float>(static_cast<size_t>(side) * static_cast<size_t>(side), value)};
}

RgbImage MustRender(const RgbImage& picture, const PixelMap& map, const std::vector<uint8_t>& mask,
                    const OverlayOptions& options = {}) {
  const absl::StatusOr<std::string> jpeg = RenderOverlay(picture, map, mask, options);
  EXPECT_TRUE(jpeg.ok()) << jpeg.status();
  if (!jpeg.ok()) return {};
  EXPECT_EQ(jpeg->substr(0, 2), "\xFF\xD8");
  return DecodeBytes(*jpeg).value_or(RgbImage());
}

int At(const RgbImage& picture, int x, int y, int channel) {
  return picture.pixels[3 * static_cast<size_t>(y * picture.width + x) + static_cast<size_t>(channel)];
}

TEST(RenderOverlayTest, ReducesLargePicturesAndKeepsTheirShape) {
  const RgbImage overlay = MustRender(Flat(800, 200, 90), FlatMap(8, 0), {});
  EXPECT_EQ(overlay.width, 320);
  EXPECT_EQ(overlay.height, 80);
}

TEST(RenderOverlayTest, KeepsTheSizeOfSmallPictures) {
  const RgbImage overlay = MustRender(Flat(31, 57, 90), FlatMap(8, 0), {});
  EXPECT_EQ(overlay.width, 31);
  EXPECT_EQ(overlay.height, 57);
}

TEST(RenderOverlayTest, ALowMapShowsThePicture) {
  const RgbImage overlay = MustRender(Flat(32, 32, 90), FlatMap(8, 0.2F), {}, {.low = 0.2F, .high = 0.7F});
  for (int channel = 0; channel < 3; ++channel) EXPECT_NEAR(At(overlay, 16, 16, channel), 90, 3);
}

TEST(RenderOverlayTest, AHighMapShowsThreeQuartersOfTheLastColour) {
  // Inferno ends in (252, 255, 164).
  const RgbImage overlay = MustRender(Flat(32, 32, 0), FlatMap(8, 0.9F), {}, {.low = 0.2F, .high = 0.7F});
  EXPECT_NEAR(At(overlay, 16, 16, 0), 0.75 * 252, 4);
  EXPECT_NEAR(At(overlay, 16, 16, 1), 0.75 * 255, 4);
  EXPECT_NEAR(At(overlay, 16, 16, 2), 0.75 * 164, 4);
}

TEST(RenderOverlayTest, OutlinesTheMaskInWhiteWithABlackEdge) {
  const RgbImage picture = Flat(64, 64, 128);
  std::vector<uint8_t> mask(size_t{64} * 64, 0);
  for (size_t y = 20; y < 44; ++y) {
    for (size_t x = 20; x < 44; ++x) mask[y * 64 + x] = 1;
  }

  const RgbImage overlay = MustRender(picture, FlatMap(64, 0), mask, {.jpeg_quality = 100});

  EXPECT_GT(At(overlay, 20, 32, 0), 190);
  EXPECT_LT(At(overlay, 18, 32, 0), 100);
  EXPECT_NEAR(At(overlay, 32, 32, 0), 128, 8);
  EXPECT_NEAR(At(overlay, 5, 5, 0), 128, 8);
}

TEST(RenderOverlayTest, TheSameInputGivesTheSameBytes) {
  const std::vector<uint8_t> mask(64, 1);
  EXPECT_EQ(*RenderOverlay(Flat(50, 40, 7), FlatMap(8, 0.5F), mask, {}),
            *RenderOverlay(Flat(50, 40, 7), FlatMap(8, 0.5F), mask, {}));
}

TEST(RenderOverlayTest, RefusesWhatItCannotDraw) {
  const auto code = [](const RgbImage& picture, const PixelMap& map, const std::vector<uint8_t>& mask,
                       const OverlayOptions& options) {
    return RenderOverlay(picture, map, mask, options).status().code();
  };
  EXPECT_EQ(code({}, FlatMap(8, 0), {}, {}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(Flat(4, 4, 0), {}, {}, {}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(Flat(4, 4, 0), FlatMap(8, 0), std::vector<uint8_t>(63, 0), {}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(Flat(4, 4, 0), FlatMap(8, 0), {}, {.low = 0.5F, .high = 0.5F}), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace bayespfl
