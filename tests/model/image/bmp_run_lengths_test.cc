// DecodeImage on BMP with run lengths.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/image/decode.h"
#include "tests/model/image/bmp_file.h"
#include "tests/model/image/encoded_pictures.h"

namespace bayespfl {
namespace {

using testing::BmpFile;
using ::testing::HasSubstr;

using Bytes = std::vector<uint8_t>;

// Gray i for index i, twice as dark with 4 bits; so that what is expected reads like the run lengths.
BmpFile Rle(int bits, int32_t width, int32_t height, Bytes packed) {
  BmpFile file{.width = width, .height = height, .bits = static_cast<uint32_t>(bits)};
  file.compression = bits == 8 ? 1 : 2;
  for (int i = 0; i < 1 << bits; ++i) file.palette.insert(file.palette.end(), {uint8_t(i), uint8_t(i), uint8_t(i), 0});
  file.pixels = std::move(packed);
  return file;
}

Bytes Grays(const BmpFile& file) {
  const absl::StatusOr<RgbImage> image = DecodeImage(file.Build());
  EXPECT_TRUE(image.ok()) << image.status();
  Bytes grays;
  for (size_t i = 0; image.ok() && i < image->pixels.size(); i += 3) grays.push_back(image->pixels[i]);
  return grays;
}

std::string Refusal(const BmpFile& file) { return std::string(DecodeImage(file.Build()).status().message()); }

TEST(BmpRunLengths, ReadsRunsAndLiteralsFromTheBottomUp) {
  // Row 1: five 7s. Row 2: 1 2 3 4 5 as they are, padded to an even number.
  const Bytes packed = {5, 7, 0, 0, 0, 5, 1, 2, 3, 4, 5, 0, 0, 0, 0, 1};

  EXPECT_EQ(Grays(Rle(8, 5, 2, packed)), (Bytes{1, 2, 3, 4, 5, 7, 7, 7, 7, 7}));
  EXPECT_EQ(Grays(Rle(8, 5, -2, packed)), (Bytes{7, 7, 7, 7, 7, 1, 2, 3, 4, 5}));
}

TEST(BmpRunLengths, ReadsHalfBytes) {
  // Row 1: five times 7 and 8 in turn. Row 2: 1 2 3 4 5 as they are, in three bytes and one of padding.
  const Bytes packed = {5, 0x78, 0, 0, 0, 5, 0x12, 0x34, 0x50, 0, 0, 0, 0, 1};

  EXPECT_EQ(Grays(Rle(4, 5, 2, packed)), (Bytes{1, 2, 3, 4, 5, 7, 8, 7, 8, 7}));
}

TEST(BmpRunLengths, ReadsPicturesOfTheLongestRunsThatThereAre) {
  Bytes packed;
  for (int run = 0; run < 20; ++run) packed.insert(packed.end(), {255, 9});

  EXPECT_EQ(Grays(Rle(8, 5100, 1, packed)), Bytes(5100, 9));
}

TEST(BmpRunLengths, NeedsNoMarkBehindTheLastPixel) {
  EXPECT_EQ(Grays(Rle(8, 3, 1, {3, 9})), (Bytes{9, 9, 9}));
  EXPECT_EQ(Grays(Rle(8, 3, 1, {3, 9, 0, 0})), (Bytes{9, 9, 9}));
  EXPECT_EQ(Grays(Rle(8, 3, 1, {0, 3, 1, 2, 3})), (Bytes{1, 2, 3}));  // nor the padding of a literal
  EXPECT_EQ(Grays(Rle(8, 3, 1, {3, 9, 0, 1, 5, 5, 5})), (Bytes{9, 9, 9}));
}

TEST(BmpRunLengths, MayFillThePaddingOfARowAndNoMore) {
  EXPECT_EQ(Grays(Rle(8, 3, 2, {4, 9, 0, 0, 4, 8, 0, 1})), (Bytes{8, 8, 8, 9, 9, 9}));
  EXPECT_EQ(Grays(Rle(4, 5, 1, {8, 0x12, 0, 1})), (Bytes{1, 2, 1, 2, 1}));

  EXPECT_EQ(Refusal(Rle(8, 3, 2, {5, 9, 0, 0, 3, 8})), "damaged BMP: a run is longer than its row");
  EXPECT_EQ(Refusal(Rle(4, 5, 2, {9, 0x12, 0, 0, 5, 0x12})), "damaged BMP: a run is longer than its row");
}

TEST(BmpRunLengths, RefusesPixelsLeftOutByName) {
  const std::string refusal = "unsupported BMP: its run lengths leave pixels out";
  EXPECT_EQ(Refusal(Rle(8, 3, 2, {2, 9, 0, 0, 3, 9})), refusal);              // a short row
  EXPECT_EQ(Refusal(Rle(8, 3, 2, {3, 9, 0, 1})), refusal);                    // an early end
  EXPECT_EQ(Refusal(Rle(8, 3, 2, {1, 9, 0, 2, 1, 0, 1, 9, 0, 0})), refusal);  // a jump to the right
  EXPECT_EQ(Refusal(Rle(8, 3, 2, {3, 9, 0, 2, 0, 1, 3, 9})), refusal);        // a jump to the next row
  EXPECT_EQ(Grays(Rle(8, 3, 1, {1, 9, 0, 2, 0, 0, 2, 9})), (Bytes{9, 9, 9})) << "a jump to where it is";
}

TEST(BmpRunLengths, RefusesAColorThatThePaletteLacks) {
  BmpFile file = Rle(8, 3, 1, {3, 9});
  file.palette.resize(size_t{9} * 4);

  EXPECT_EQ(Refusal(file), "damaged BMP: a pixel has a colour that the palette lacks");
}

// Rows of random runs and literals, packed by the test.
TEST(BmpRunLengths, ReadsWhatWasPacked) {
  std::mt19937 random(11);
  for (const int bits : {4, 8}) {
    for (int width = 1; width <= 40; ++width) {
      BmpFile file = Rle(bits, width, -3, {});
      Bytes expected;
      for (int y = 0; y < 3; ++y) {
        for (int x = 0; x < width;) {
          const int count = std::min(width - x, 1 + static_cast<int>(random() % 9));
          const bool literal = count >= 3 && random() % 2 == 0;
          Bytes indices;
          for (int i = 0; i < count; ++i) {
            indices.push_back(literal || i < (bits == 4 ? 2 : 1) ? static_cast<uint8_t>(random() % (1U << bits))
                                                                 : indices[static_cast<size_t>(bits == 4 ? i - 2 : 0)]);
          }
          expected.insert(expected.end(), indices.begin(), indices.end());
          Bytes packed;
          for (size_t i = 0; i < indices.size(); i += bits == 4 ? 2 : 1) {
            const int next = i + 1 < indices.size() ? indices[i + 1] : 0;
            packed.push_back(static_cast<uint8_t>(bits == 4 ? indices[i] << 4 | next : indices[i]));
          }
          if (literal && packed.size() % 2 != 0) packed.push_back(0);
          file.pixels.push_back(static_cast<uint8_t>(literal ? 0 : count));
          if (literal) file.pixels.push_back(static_cast<uint8_t>(count));
          file.pixels.insert(file.pixels.end(), packed.begin(), literal ? packed.end() : packed.begin() + 1);
          x += count;
        }
        file.pixels.insert(file.pixels.end(), {0, 0});
      }
      EXPECT_EQ(Grays(file), expected) << bits << " bits, width " << width;
    }
  }
}

TEST(BmpRunLengths, RefusesTheFileCutAnywhere) {
  BmpFile file = Rle(8, 5, 2, {5, 7, 0, 0, 0, 5, 1, 2, 3, 4, 5});
  const Bytes whole = file.pixels;
  for (size_t size = 0; size < whole.size(); ++size) {
    file.pixels.assign(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_THAT(Refusal(file), HasSubstr("truncated BMP")) << size;
  }
}

TEST(BmpRunLengths, SurvivesRandomMutations) {
  testing::ExpectSurvivesMutations(Rle(8, 5, 2, {5, 7, 0, 0, 0, 5, 1, 2, 3, 4, 5, 0, 0, 1}).Build(), 3000);
  testing::ExpectSurvivesMutations(Rle(4, 5, 2, {5, 0x78, 0, 0, 0, 5, 0x12, 0x34, 0x50, 0, 0, 1}).Build(), 3000);
}

}  // namespace
}  // namespace bayespfl
