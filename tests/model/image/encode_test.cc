#include "model/image/encode.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "model/image/decode.h"

namespace bayespfl {
namespace {

// Smooth, and different in every channel.
RgbImage Gradient() {
  RgbImage picture{.width = 40, .height = 30, .pixels = {}};
  for (int y = 0; y < picture.height; ++y) {
    for (int x = 0; x < picture.width; ++x) {
      for (const int value : {5 * x, 8 * y, 200 - 2 * x - 2 * y}) picture.pixels.push_back(static_cast<uint8_t>(value));
    }
  }
  return picture;
}

RgbImage Decoded(const absl::StatusOr<std::string>& file) {
  EXPECT_TRUE(file.ok()) << file.status();
  if (!file.ok()) return {};
  return DecodeImage({reinterpret_cast<const uint8_t*>(file->data()), file->size()}).value_or(RgbImage());
}

TEST(EncodeTest, APngGivesTheSamePictureBack) {
  const RgbImage picture = Gradient();

  const absl::StatusOr<std::string> file = EncodePng(picture);

  const RgbImage back = Decoded(file);
  EXPECT_EQ(file->substr(0, 4), "\x89PNG");
  EXPECT_EQ(back.width, 40);
  EXPECT_EQ(back.height, 30);
  EXPECT_EQ(back.pixels, picture.pixels);
}

TEST(EncodeTest, AJpegComesCloseAndCloserWithQuality) {
  const RgbImage picture = Gradient();
  const auto difference = [&](int quality) {
    const RgbImage back = Decoded(EncodeJpeg(picture, quality));
    EXPECT_EQ(back.pixels.size(), picture.pixels.size());
    int64_t sum = 0;
    for (size_t i = 0; i < back.pixels.size(); ++i) sum += std::abs(int{back.pixels[i]} - int{picture.pixels[i]});
    return static_cast<double>(sum) / static_cast<double>(picture.pixels.size());
  };

  EXPECT_EQ(EncodeJpeg(picture, 90)->substr(0, 2), "\xFF\xD8");
  EXPECT_LT(difference(95), 3);
  EXPECT_LT(difference(95), difference(20));
}

TEST(EncodeTest, RefusesWhatIsNoPictureAndNoQuality) {
  const RgbImage torn{.width = 40, .height = 30, .pixels = std::vector<uint8_t>(size_t{40} * 30)};

  EXPECT_TRUE(absl::IsInvalidArgument(EncodePng({}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(EncodePng(torn).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(EncodeJpeg(torn, 90).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(EncodeJpeg(Gradient(), 0).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(EncodeJpeg(Gradient(), 101).status()));
}

}  // namespace
}  // namespace bayespfl
