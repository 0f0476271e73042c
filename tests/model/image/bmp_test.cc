// DecodeImage on BMP. What a pixel must become follows from the format's arithmetic, not from another decoder.
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/image/decode.h"
#include "tests/model/image/bmp_file.h"
#include "tests/model/image/encoded_pictures.h"
#include "tests/support/cpu_timer.h"

namespace bayespfl {
namespace {

using testing::BmpFile;
using ::testing::HasSubstr;

using Bytes = std::vector<uint8_t>;

const std::vector<uint32_t> kMasks565 = {0xf800, 0x07e0, 0x001f};

Bytes Pixels(const BmpFile& file) {
  const absl::StatusOr<RgbImage> image = DecodeImage(file.Build());
  EXPECT_TRUE(image.ok()) << image.status();
  return image.ok() ? image->pixels : Bytes();
}

std::string Refusal(const Bytes& file) {
  const absl::Status status = DecodeImage(file).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  return std::string(status.message());
}

// n bits spread over 0..255.
uint8_t Spread(uint32_t value, uint32_t most) { return static_cast<uint8_t>(std::lround(255.0 * value / most)); }

void Append(Bytes& bytes, uint32_t value, int count) {
  for (int i = 0; i < count; ++i) bytes.push_back(static_cast<uint8_t>(value >> (8 * i)));
}

TEST(Bmp, SpreadsFiveAndSixBitsOverTheWholeRange) {
  BmpFile file{.width = 256, .height = -256, .bits = 16};
  Bytes with555;
  Bytes with565;
  for (uint32_t pixel = 0; pixel < 65536; ++pixel) {
    Append(file.pixels, pixel, 2);
    for (const uint32_t v : {pixel >> 10 & 31, pixel >> 5 & 31, pixel & 31}) with555.push_back(Spread(v, 31));
    with565.push_back(Spread(pixel >> 11, 31));
    with565.push_back(Spread(pixel >> 5 & 63, 63));
    with565.push_back(Spread(pixel & 31, 31));
  }

  EXPECT_EQ(Pixels(file), with555);
  file.compression = 3;
  for (const uint32_t header : {40U, 52U, 56U, 108U, 124U}) {
    file.header_bytes = header;
    file.masks = kMasks565;
    EXPECT_EQ(Pixels(file), with565) << header;
    file.masks = {0x7c00, 0x03e0, 0x001f};
    EXPECT_EQ(Pixels(file), with555) << header;
  }
}

TEST(Bmp, ReadsMasksBehindAndInsideItsHeader) {
  BmpFile file{.width = 2, .bits = 32, .compression = 3};
  file.masks = {0x000000ff, 0x0000ff00, 0x00ff0000};  // red first
  file.pixels = {1, 2, 3, 77, 4, 5, 6, 0};
  for (const uint32_t header : {40U, 52U, 56U, 108U, 124U}) {
    file.header_bytes = header;
    EXPECT_EQ(Pixels(file), (Bytes{1, 2, 3, 4, 5, 6})) << header;
  }
  file.header_bytes = 40;
  file.compression = 6;  // with alpha
  file.masks.push_back(0xff000000);
  EXPECT_EQ(Pixels(file), (Bytes{1, 2, 3, 4, 5, 6}));
}

TEST(Bmp, ReadsTwentyFourBitsWithMasks) {
  BmpFile file{.bits = 24, .header_bytes = 124, .compression = 3};
  file.masks = {0xff0000, 0x00ff00, 0x0000ff, 0};
  file.pixels = {1, 2, 3, 0};
  EXPECT_EQ(Pixels(file), (Bytes{3, 2, 1}));

  file.masks = {0x0000ff, 0x00ff00, 0xff0000, 0};
  EXPECT_EQ(Pixels(file), (Bytes{1, 2, 3}));
}

TEST(Bmp, IgnoresTheMasksOfALongHeaderWithoutBitFields) {
  BmpFile file{.bits = 32, .header_bytes = 108};
  file.masks = {0x000000ff, 0x0000ff00, 0x00ff0000};
  file.pixels = {1, 2, 3, 77};

  EXPECT_EQ(Pixels(file), (Bytes{3, 2, 1}));
}

class BmpMaskWidth : public ::testing::TestWithParam<int> {};

// Red alone, in the upper bits; the two others are absent.
TEST_P(BmpMaskWidth, SpreadsItsValuesOverTheWholeRange) {
  const int bits = GetParam();
  const auto most = static_cast<uint32_t>((uint64_t{1} << bits) - 1);
  const uint32_t step = most < 4096 ? 1 : most / 4096;
  BmpFile file{.height = 1, .bits = 32, .compression = 3};
  file.masks = {most << (32 - bits), 0, 0};
  Bytes expected;
  for (uint64_t v = 0; v <= most; v += step) {
    Append(file.pixels, static_cast<uint32_t>(v) << (32 - bits), 4);
    expected.insert(expected.end(), {Spread(static_cast<uint32_t>(v), most), 0, 0});
  }
  file.width = static_cast<int32_t>(expected.size() / 3);

  EXPECT_EQ(Pixels(file), expected);
}

INSTANTIATE_TEST_SUITE_P(Bits, BmpMaskWidth, ::testing::Values(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 16, 17, 31, 32));

TEST(Bmp, ReadsTenBitsOfEachColor) {
  BmpFile file{.width = 2, .bits = 32, .compression = 3};
  file.masks = {0x3ff00000, 0x000ffc00, 0x000003ff};
  Append(file.pixels, 1023U << 20 | 512U << 10 | 3, 4);
  Append(file.pixels, 0xffffffff, 4);

  EXPECT_EQ(Pixels(file), (Bytes{255, 128, 1, 255, 255, 255}));
}

TEST(Bmp, ReadsBottomUpAndTopDownRows) {
  BmpFile file{.width = 1, .height = 2};
  file.pixels = {1, 2, 3, 0, 4, 5, 6, 0};  // padded to four bytes

  EXPECT_EQ(Pixels(file), (Bytes{6, 5, 4, 3, 2, 1}));
  file.height = -2;
  EXPECT_EQ(Pixels(file), (Bytes{3, 2, 1, 6, 5, 4}));
}

uint8_t LowByte(int value) { return static_cast<uint8_t>(value); }

class BmpDepth : public ::testing::TestWithParam<int> {};

// Every index, at widths that end everywhere in a byte, under every family's header.
TEST_P(BmpDepth, IsLookedUpInThePalette) {
  const int bits = GetParam();
  const int colors = 1 << bits;
  for (const uint32_t header : {12U, 16U, 40U, 64U, 108U, 124U}) {
    for (int width = 1; width <= 67; width += 3) {
      BmpFile file{.width = width, .height = 1, .bits = static_cast<uint32_t>(bits), .header_bytes = header};
      Bytes expected;
      for (int i = 0; i < colors; ++i) {
        file.palette.insert(file.palette.end(), {LowByte(i), LowByte(i ^ 255), LowByte(i * 7)});
        if (header != 12) file.palette.push_back(99);
      }
      const int words = (width * bits + 31) / 32;
      file.pixels.resize(static_cast<size_t>(words) * 4);
      for (int x = 0; x < width; ++x) {
        const int index = (x * 5 + width) % colors;
        file.pixels[static_cast<size_t>(x * bits / 8)] |= static_cast<uint8_t>(index << (8 - bits - x * bits % 8));
        expected.insert(expected.end(), {LowByte(index * 7), LowByte(index ^ 255), LowByte(index)});
      }
      EXPECT_EQ(Pixels(file), expected) << header << " bytes, width " << width;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Bits, BmpDepth, ::testing::Values(1, 2, 4, 8));

TEST(Bmp, ReadsColorsOfTheOldestHeader) {
  BmpFile file{.width = 1, .height = 2, .bits = 24, .header_bytes = 12};
  file.pixels = {1, 2, 3, 0, 4, 5, 6, 0};

  EXPECT_EQ(Pixels(file), (Bytes{6, 5, 4, 3, 2, 1}));
}

// Four masks stand behind a short header, of which the fourth is the alpha's.
TEST(Bmp, FindsThePixelsBehindTheAlphaMaskWhereTheFileDoesNotSay) {
  BmpFile file{.width = 1, .bits = 32, .compression = 6};
  file.masks = {0xff0000, 0x00ff00, 0x0000ff, 0xff000000};
  file.pixels = {1, 2, 3, 4};
  file.offset = 0;

  EXPECT_EQ(Pixels(file), (Bytes{3, 2, 1}));
}

// What lies between the palette that is announced and the pixels is none of it.
TEST(Bmp, RefusesAColorBehindThoseThatAreAnnounced) {
  BmpFile file{.width = 1, .bits = 8, .colors = 2};
  file.palette = {10, 20, 30, 0, 40, 50, 60, 0, 70, 80, 90, 0};
  file.pixels = {2, 0, 0, 0};

  EXPECT_EQ(Refusal(file.Build()), "damaged BMP: a pixel has a colour that the palette lacks");
}

// Writers that announce 256 colours and write two.
TEST(Bmp, ReadsAPaletteThatThePixelsCutShort) {
  BmpFile file{.width = 2, .bits = 8};
  file.palette = {10, 20, 30, 0, 40, 50, 60, 0};
  file.pixels = {0, 1, 0, 0};
  EXPECT_EQ(Pixels(file), (Bytes{30, 20, 10, 60, 50, 40}));

  file.pixels = {0, 2, 0, 0};
  EXPECT_EQ(Refusal(file.Build()), "damaged BMP: a pixel has a colour that the palette lacks");
}

TEST(Bmp, ReadsPixelsBehindAGapAndWithoutAnOffset) {
  BmpFile file{.width = 1, .bits = 8, .colors = 2};
  file.palette = {10, 20, 30, 0, 40, 50, 60, 0};
  file.pixels = {1, 0, 0, 0};
  file.offset = 0;
  EXPECT_EQ(Pixels(file), (Bytes{60, 50, 40}));

  file.offset = 54 + 8 + 5;
  file.pixels = {9, 9, 9, 9, 9, 1, 0, 0, 0};
  EXPECT_EQ(Pixels(file), (Bytes{60, 50, 40}));

  BmpFile masked{.bits = 16, .compression = 3};
  masked.masks = kMasks565;
  masked.pixels = {0xff, 0xff};
  masked.offset = 0;
  EXPECT_EQ(Pixels(masked), (Bytes{255, 255, 255}));
}

TEST(Bmp, ReadsMoreColorsThanItsBitsCanName) {
  BmpFile file{.width = 1, .bits = 1, .colors = 300};
  file.palette.resize(1200);
  file.palette[4] = 5;
  file.pixels = {0x80, 0, 0, 0};

  EXPECT_EQ(Pixels(file), (Bytes{0, 0, 5}));
}

TEST(Bmp, ReadsALastRowWithoutPaddingAndNothingLess) {
  BmpFile file{.width = 1, .height = 2};
  file.pixels = {1, 2, 3, 0, 4, 5, 6};
  EXPECT_EQ(Pixels(file), (Bytes{6, 5, 4, 3, 2, 1}));

  const Bytes whole = file.Build();
  for (size_t size = 2; size < whole.size(); ++size) {
    EXPECT_THAT(Refusal(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size))),
                HasSubstr("truncated BMP"))
        << size;
  }
}

TEST(Bmp, RefusesByNameWhatItDoesNotRead) {
  struct Case {
    BmpFile file;
    std::string reason;
  };
  for (const auto& [file, reason] : std::vector<Case>{
           {{.bits = 0, .compression = 4}, "an embedded JPEG"},
           {{.bits = 0, .compression = 5}, "an embedded PNG"},
           {{.bits = 32, .compression = 11}, "CMYK"},
           {{.bits = 1, .header_bytes = 64, .compression = 3}, "Huffman codes of OS/2"},
           {{.bits = 24, .header_bytes = 64, .compression = 4}, "24-bit run lengths of OS/2"},
           {{.bits = 64}, "64 bits per pixel; expected 1, 2, 4, 8, 16, 24 or 32"},
           {{.header_bytes = 200}, "a header of 200 bytes; expected 12, 16 to 64, 108 or 124"},
           {{.bits = 32, .compression = 3, .masks = {0xf0f0, 0xff0000, 0xff}}, "the mask f0f0, which has holes"},
       }) {
    EXPECT_EQ(Refusal(file.Build()), "unsupported BMP: " + reason);
  }
}

TEST(Bmp, RefusesFieldsThatNoFileHas) {
  struct Case {
    BmpFile file;
    std::string reason;
  };
  for (const auto& [file, reason] : std::vector<Case>{
           {{.bits = 8, .compression = 2}, "compression 2 with 8 bits per pixel"},
           {{.bits = 8, .compression = 3}, "compression 3 with 8 bits per pixel"},
           {{.bits = 24, .compression = 99}, "compression 99 with 24 bits per pixel"},
           {{.bits = 24, .offset = 53}, "its pixels start inside the header"},
           {{.bits = 16, .compression = 3, .masks = kMasks565, .offset = 54}, "its pixels start inside the header"},
           {{.bits = 16, .compression = 3, .masks = {0x1f0000, 0x7e0, 0x1f}},
            "the mask 1f0000 reaches beyond a pixel of 16 bits"},
           {{.bits = 16, .compression = 3, .masks = {0, 0, 0}}, "no mask says where the colours are"},
       }) {
    EXPECT_EQ(Refusal(file.Build()), "damaged BMP: " + reason);
  }
}

TEST(Bmp, RefusesSidesAndOffsetsThatOverflow) {
  constexpr int32_t kMin = std::numeric_limits<int32_t>::min();
  constexpr int32_t kMax = std::numeric_limits<int32_t>::max();
  BmpFile file{.width = 1, .height = kMin};
  EXPECT_THAT(Refusal(file.Build()), HasSubstr("1 x 2147483648 pixels, over the limit"));
  file = {.width = kMax, .height = kMax};
  EXPECT_THAT(Refusal(file.Build()), HasSubstr("over the limit"));
  file = {.width = -1, .height = 1};
  EXPECT_THAT(Refusal(file.Build()), HasSubstr("both sides must be positive"));
  file = {.width = 1, .height = 0};
  EXPECT_THAT(Refusal(file.Build()), HasSubstr("both sides must be positive"));
  file = {.bits = 8, .colors = 0xffffffff, .offset = 0};
  EXPECT_THAT(Refusal(file.Build()), HasSubstr("truncated BMP"));
  file = {.offset = 0xffffffff};
  EXPECT_THAT(Refusal(file.Build()), HasSubstr("truncated BMP"));
}

// Without memory for the pixels that it claims.
TEST(Bmp, RefusesAShortFileOfManyPixelsAtOnce) {
  const testing::CpuTimer timer;
  for (const uint32_t compression : {0U, 1U}) {
    const BmpFile file{.width = 10'000, .height = 10'000, .bits = 8, .compression = compression};
    EXPECT_THAT(Refusal(file.Build()), HasSubstr("truncated BMP: "));
  }
  EXPECT_LT(timer.Elapsed(), std::chrono::milliseconds(20));
}

TEST(Bmp, SurvivesRandomMutationsOfEveryKind) {
  for (const uint32_t header : {12U, 40U, 64U, 124U}) {
    for (const uint32_t bits : {1U, 8U, 16U, 24U, 32U}) {
      BmpFile file{.width = 13, .height = 9, .bits = bits, .header_bytes = header};
      if (bits <= 8) file.palette.resize(4U << bits, 3);
      if (bits == 16 && header != 12 && header != 64) {
        file.compression = 3;
        file.masks = kMasks565;
      }
      file.pixels.resize(size_t{9} * 52, 1);
      testing::ExpectSurvivesMutations(file.Build(), 400);
    }
  }
}

}  // namespace
}  // namespace bayespfl
