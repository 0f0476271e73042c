#include "model/image/mask.h"

#include <png.h>

#include <cstddef>
#include <cstdint>
#include <opencv2/core.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/model/image/encoded_pictures.h"

namespace bayespfl {
namespace {

using ::testing::ElementsAre;
using testing::Encode;

using Bytes = std::vector<uint8_t>;

Bytes Marked(const Bytes& file) {
  const auto mask = DecodeMask(file);
  EXPECT_TRUE(mask.ok()) << mask.status();
  return mask.ok() ? mask->marked : Bytes();
}

// A row of pixels that are indices into a palette of RGB triples.
Bytes PalettePng(const Bytes& indices, const Bytes& palette) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(indices.size());
  image.height = 1;
  image.format = PNG_FORMAT_RGB_COLORMAP;
  image.colormap_entries = static_cast<png_uint_32>(palette.size() / 3);
  Bytes file(4096);
  png_alloc_size_t size = file.size();
  EXPECT_NE(png_image_write_to_memory(&image, file.data(), &size, 0, indices.data(), 0, palette.data()), 0);
  file.resize(size);
  return file;
}

// A little-endian TIFF of one uncompressed row.
Bytes RowTiff(uint32_t width, uint32_t bits, uint32_t photometric, const Bytes& row,
              const std::vector<uint32_t>& palette = {}) {
  std::vector<std::pair<uint32_t, uint32_t>> tags = {{256, width}, {257, 1},           {258, bits},
                                                     {259, 1},     {262, photometric}, {273, 0},
                                                     {277, 1},     {278, 1},           {279, row.size()}};
  if (!palette.empty()) tags.emplace_back(320, 0);
  const auto palette_at = static_cast<uint32_t>(8 + 2 + tags.size() * 12 + 4);
  const auto row_at = static_cast<uint32_t>(palette_at + palette.size() * 4);
  Bytes file;
  const auto append = [&file](uint32_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) file.push_back(static_cast<uint8_t>(value >> (8 * i)));
  };
  append(0x002a4949, 4);
  append(8, 4);
  append(static_cast<uint32_t>(tags.size()), 2);
  for (const auto& [tag, value] : tags) {
    append(tag, 2);
    append(4, 2);
    append(tag == 320 ? static_cast<uint32_t>(palette.size()) : 1, 4);
    append(tag == 320 ? palette_at : tag == 273 ? row_at : value, 4);
  }
  append(0, 4);
  for (const uint32_t value : palette) append(value, 4);
  file.insert(file.end(), row.begin(), row.end());
  return file;
}

TEST(MaskTest, EveryLabelOf16BitsIsMarked) {
  cv::Mat labels(1, 65536, CV_16UC1);
  for (int i = 0; i < labels.cols; ++i) labels.at<uint16_t>(0, i) = static_cast<uint16_t>(i);
  Bytes expected(65536, 1);
  expected[0] = 0;

  EXPECT_EQ(Marked(Encode(".png", labels)), expected);
  EXPECT_EQ(Marked(Encode(".tiff", labels)), expected);
}

TEST(MaskTest, EveryGrayOf8BitsIsMarked) {
  const cv::Mat grays = (cv::Mat_<uint8_t>(1, 4) << 0, 1, 128, 255);

  EXPECT_THAT(Marked(Encode(".png", grays)), ElementsAre(0, 1, 1, 1));
  EXPECT_THAT(Marked(Encode(".bmp", grays)), ElementsAre(0, 1, 1, 1));
  EXPECT_THAT(Marked(Encode(".tiff", grays)), ElementsAre(0, 1, 1, 1));
}

// Weighed to gray, the darkest blue would be 0.
TEST(MaskTest, OneChannelIsEnough) {
  const cv::Mat blue(1, 2, CV_8UC3, cv::Scalar(1, 0, 0));

  EXPECT_THAT(Marked(Encode(".png", blue)), ElementsAre(1, 1));
}

TEST(MaskTest, AlphaIsNoSample) {
  const cv::Mat opaque(1, 2, CV_8UC4, cv::Scalar(0, 0, 0, 255));

  EXPECT_THAT(Marked(Encode(".png", opaque)), ElementsAre(0, 0));
}

TEST(MaskTest, TheLabelOfAPalettePngIsItsIndex) {
  const Bytes black_and_white_reversed = {255, 255, 255, 0, 0, 0};

  EXPECT_THAT(Marked(PalettePng({0, 1, 0}, black_and_white_reversed)), ElementsAre(0, 1, 0));
}

TEST(MaskTest, TheLabelOfAPaletteTiffIsItsIndex) {
  const std::vector<uint32_t> white_then_black = {65535, 0, 0, 0, 65535, 0, 0, 0, 65535, 0, 0, 0};

  EXPECT_THAT(Marked(RowTiff(4, 2, 3, {0x1b}, white_then_black)), ElementsAre(0, 1, 1, 1));
}

TEST(MaskTest, ATiffThatStoresWhiteAsZeroIsTurnedRound) {
  EXPECT_THAT(Marked(RowTiff(3, 16, 0, {0xff, 0xff, 0xfe, 0xff, 0, 0})), ElementsAre(0, 1, 1));
  EXPECT_THAT(Marked(RowTiff(8, 1, 0, {0xf0})), ElementsAre(0, 0, 0, 0, 1, 1, 1, 1));
}

TEST(MaskTest, ABrokenMaskIsRefused) {
  EXPECT_EQ(DecodeMask(Bytes{'n', 'o'}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(DecodeMask({}).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace bayespfl
