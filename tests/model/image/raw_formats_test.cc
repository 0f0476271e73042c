// ConvertRawImage for formats of more than 8 bits, Bayer patterns of them, and 4:2:2: against slow forms of their
// definitions.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "model/image/decode.h"
#include "model/image/sample_bits.h"
#include "tests/model/image/camera_pixels.h"

namespace bayespfl {
namespace {

using testing::Interpolated;
using testing::Packed;
using testing::RandomSamples;
using testing::Reduced;
using testing::Samples;

using Bytes = std::vector<uint8_t>;

struct FormatCase {
  PixelFormat format;
  std::string layout;  // of Packed()
  int bits;
  int bits_in_memory;
  std::string pattern = {};  // of Bayer formats
};

std::vector<FormatCase> GrayFormats() {
  return {{PixelFormat::kMono10, "words", 10, 16},        {PixelFormat::kMono12, "words", 12, 16},
          {PixelFormat::kMono14, "words", 14, 16},        {PixelFormat::kMono16, "words", 16, 16},
          {PixelFormat::kMono10p, "p", 10, 10},           {PixelFormat::kMono12p, "p", 12, 12},
          {PixelFormat::kMono10Packed, "Packed", 10, 12}, {PixelFormat::kMono12Packed, "Packed", 12, 12}};
}

std::vector<FormatCase> BayerFormats() {
  struct Depth {
    std::string suffix;
    std::string layout;
    int bits;
    int bits_in_memory;
  };
  const std::vector<Depth> depths = {
      {"10", "words", 10, 16}, {"12", "words", 12, 16},        {"16", "words", 16, 16},       {"10p", "p", 10, 10},
      {"12p", "p", 12, 12},    {"10Packed", "Packed", 10, 12}, {"12Packed", "Packed", 12, 12}};
  std::vector<FormatCase> formats;
  for (const auto& [name, pattern] : std::vector<std::array<std::string, 2>>{
           {"BayerRG", "RGGB"}, {"BayerGB", "GBRG"}, {"BayerGR", "GRBG"}, {"BayerBG", "BGGR"}}) {
    for (const Depth& depth : depths) {
      formats.push_back(
          {PixelFormatFromName(name + depth.suffix).value(), depth.layout, depth.bits, depth.bits_in_memory, pattern});
    }
  }
  return formats;
}

std::string NameOf(const ::testing::TestParamInfo<FormatCase>& info) {
  return std::string(PixelFormatName(info.param.format));
}

class RawFormat : public ::testing::TestWithParam<FormatCase> {
 protected:
  // Bytes of a row of that many pixels.
  static int RowBytes(int width) { return (width * GetParam().bits_in_memory + 7) / 8; }

  static Bytes BytesOf(const Samples& samples, int padding = 0) {
    return Packed(samples, GetParam().layout, RowBytes(samples.width) + padding);
  }
};

class GrayFormat : public RawFormat {
 protected:
  static Bytes GraysOf(const Samples& samples) {
    Bytes rgb;
    for (const uint32_t value : samples.values) rgb.insert(rgb.end(), 3, Reduced(value, samples.bits));
    return rgb;
  }
};

// Every width up to two groups of any layout, so that a row ends at every bit where one can end.
TEST_P(GrayFormat, HasTheValuesOfItsDefinitionAtEveryWidth) {
  for (int width = 1; width <= 9; ++width) {
    const Samples samples = RandomSamples(width, 5, GetParam().bits);

    const auto image = ConvertRawImage({BytesOf(samples), width, 5, 0, GetParam().format});

    ASSERT_TRUE(image.ok()) << width << ": " << image.status();
    EXPECT_EQ(image->pixels, GraysOf(samples)) << width;
  }
}

TEST_P(GrayFormat, HasRowsWithPadding) {
  const Samples samples = RandomSamples(7, 4, GetParam().bits);

  const auto image = ConvertRawImage({BytesOf(samples, 5), 7, 4, RowBytes(7) + 5, GetParam().format});

  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->pixels, GraysOf(samples));
}

// Exactly as many bytes as there must be: the sanitizers' builds find a read beyond them.
TEST_P(GrayFormat, ReadsNothingBehindTheLastRow) {
  const Samples samples = RandomSamples(3, 1, GetParam().bits);
  const Bytes bytes = BytesOf(samples);
  const Bytes exact(bytes.begin(), bytes.end());

  EXPECT_EQ(ConvertRawImage({exact, 3, 1, 0, GetParam().format})->pixels, GraysOf(samples));
}

INSTANTIATE_TEST_SUITE_P(All, GrayFormat, ::testing::ValuesIn(GrayFormats()), NameOf);

// What would be read as another picture: rows whose pixels run on across the row's end.
TEST(PackedRows, AreRefusedWhenTheyDoNotStartOnAByte) {
  for (const FormatCase& format : GrayFormats()) {
    if (format.bits_in_memory == 16) continue;
    const auto bytes = static_cast<size_t>((3 * 4 * format.bits_in_memory + 7) / 8);

    const auto image = ConvertRawImage({Bytes(bytes), 3, 4, 0, format.format});

    EXPECT_EQ(image.status().code(), absl::StatusCode::kInvalidArgument) << PixelFormatName(format.format);
  }
}

class DeepBayer : public RawFormat {};

TEST_P(DeepBayer, InterpolatesBeforeItDropsBits) {
  // Beyond one band of the implementation, odd and even sides, and the smallest.
  for (const auto& [width, height] : std::vector<std::array<int, 2>>{{2, 2}, {3, 2}, {9, 7}, {12, 131}, {5, 64}}) {
    const Samples mosaic = RandomSamples(width, height, GetParam().bits);

    const auto image = ConvertRawImage({BytesOf(mosaic), width, height, 0, GetParam().format});

    ASSERT_TRUE(image.ok()) << image.status();
    EXPECT_EQ(image->pixels, Interpolated(mosaic, GetParam().pattern)) << width << " x " << height;
  }
}

TEST_P(DeepBayer, RefusesPicturesWithoutAllColors) {
  const auto image = ConvertRawImage({Bytes(static_cast<size_t>(RowBytes(8))), 8, 1, 0, GetParam().format});

  EXPECT_EQ(image.status().message(),
            "raw image is 8 x 1 pixels; a " + NameOf({GetParam(), 0}) + " image needs at least 2 x 2");
}

INSTANTIATE_TEST_SUITE_P(All, DeepBayer, ::testing::ValuesIn(BayerFormats()), NameOf);

TEST(Bayer8, IsInterpolatedTheSameWay) {
  const Samples mosaic = RandomSamples(11, 70, 8);
  const Bytes bytes(mosaic.values.begin(), mosaic.values.end());
  Samples rounded = mosaic;  // 8-bit means are rounded to whole samples, which need no scaling

  const auto image = ConvertRawImage({bytes, 11, 70, 0, PixelFormat::kBayerGR8});

  EXPECT_EQ(image->pixels, Interpolated(rounded, "GRBG"));
}

TEST(Bayer16, UsesTheSignificantBits) {
  const Samples mosaic = RandomSamples(6, 6, 12);

  const auto image = ConvertRawImage({Packed(mosaic, "words", 12), 6, 6, 0, PixelFormat::kBayerRG16}, {}, 12);

  EXPECT_EQ(image->pixels, Interpolated(mosaic, "RGGB"));
}

TEST(Bayer12, SaturatesWhereBitsAreSetThatItDoesNotHave) {
  Samples mosaic{.width = 4, .height = 4, .bits = 12, .values = std::vector<uint32_t>(16, 0xF123)};

  const auto image = ConvertRawImage({Packed(mosaic, "words", 8), 4, 4, 0, PixelFormat::kBayerRG12});

  EXPECT_EQ(image->pixels, Bytes(48, 255));
}

TEST(DeepRgb, HasItsSamplesInTheOrderOfItsName) {
  for (const auto& [format, bits] : std::vector<std::pair<PixelFormat, int>>{
           {PixelFormat::kRGB10, 10}, {PixelFormat::kRGB12, 12}, {PixelFormat::kRGB16, 16}}) {
    const Samples samples = RandomSamples(3 * 5, 4, bits);
    Bytes expected;
    for (const uint32_t value : samples.values) expected.push_back(Reduced(value, bits));

    const auto image = ConvertRawImage({Packed(samples, "words", 30), 5, 4, 0, format});

    ASSERT_TRUE(image.ok()) << image.status();
    EXPECT_EQ(image->pixels, expected) << bits;
  }
}

TEST(DeepRgb, UsesTheSignificantBits) {
  EXPECT_EQ(ConvertRawImage({Bytes{0xFF, 0x0F, 0, 0, 0xFF, 0x07}, 1, 1, 0, PixelFormat::kRGB16}, {}, 12)->pixels,
            (Bytes{255, 0, Reduced(0x7FF, 12)}));
}

TEST(BGRa8, DropsItsAlpha) {
  EXPECT_EQ(ConvertRawImage({Bytes{3, 2, 1, 0, 6, 5, 4, 0}, 2, 1, 0, PixelFormat::kBGRa8})->pixels,
            (Bytes{1, 2, 3, 4, 5, 6}));
}

// dividend / divisor, rounded to the nearest, halves up, and cut to 0..255.
uint8_t Sample8(int64_t dividend, int64_t divisor) {
  const int64_t above = 1000;  // so that nothing is negative
  const int64_t rounded = (2 * (dividend + above * divisor) + divisor) / (2 * divisor) - above;
  return static_cast<uint8_t>(std::clamp<int64_t>(rounded, 0, 255));
}

// BT.601 with the full range: red and blue by their distance from the luma, and green as what is left of
// Y = 0.299 R + 0.587 G + 0.114 B. In thousandths, so that it is exact.
std::array<uint8_t, 3> RgbOf(int y, int u, int v) {
  const int64_t red = 1000 * y + 1402 * (v - 128);
  const int64_t blue = 1000 * y + 1772 * (u - 128);
  const int64_t green = 1'000'000 * y - 299 * red - 114 * blue;
  return {Sample8(red, 1000), Sample8(green, 587'000), Sample8(blue, 1000)};
}

TEST(Yuv422, IsBt601OfTheFullRangeForEveryColor) {
  for (const int y : {0, 77, 128, 255}) {
    for (int u = 0; u < 256; ++u) {
      Bytes row;
      for (int v = 0; v < 256; ++v) {
        for (const int byte : {y, u, y, v}) row.push_back(static_cast<uint8_t>(byte));
      }
      const auto image = ConvertRawImage({row, 512, 1, 0, PixelFormat::kYUV422_8});
      for (int v = 0; v < 256; ++v) {
        const uint8_t* const rgb = image->pixels.data() + static_cast<size_t>(v) * 6;
        ASSERT_EQ((std::array<uint8_t, 3>{rgb[0], rgb[1], rgb[2]}), RgbOf(y, u, v)) << y << " " << u << " " << v;
      }
    }
  }
}

TEST(Yuv422, HasOneColorForTwoPixelsInTheOrderOfItsName) {
  const auto first = RgbOf(100, 90, 200);
  const auto second = RgbOf(150, 90, 200);
  Bytes expected(first.begin(), first.end());
  expected.insert(expected.end(), second.begin(), second.end());

  EXPECT_EQ(ConvertRawImage({Bytes{100, 90, 150, 200}, 2, 1, 0, PixelFormat::kYUV422_8})->pixels, expected);
  EXPECT_EQ(ConvertRawImage({Bytes{100, 90, 150, 200}, 2, 1, 0, PixelFormat::kYCbCr422_8})->pixels, expected);
  EXPECT_EQ(ConvertRawImage({Bytes{90, 100, 200, 150}, 2, 1, 0, PixelFormat::kYUV422_8_UYVY})->pixels, expected);
}

TEST(Yuv422, NeedsAnEvenWidth) {
  const auto image = ConvertRawImage({Bytes(6), 3, 1, 0, PixelFormat::kYCbCr422_8});

  EXPECT_EQ(image.status().message(),
            "raw image is 3 pixels wide; two pixels of YCbCr422_8 share their colour, so its width must be even");
}

TEST(Yuv422, HasRowsWithPadding) {
  const Bytes padded = {50, 128, 60, 128, 9, 70, 128, 80, 128, 9};

  EXPECT_EQ(ConvertRawImage({padded, 2, 2, 5, PixelFormat::kYUV422_8})->pixels,
            (Bytes{50, 50, 50, 60, 60, 60, 70, 70, 70, 80, 80, 80}));
}

TEST(TrailingBytes, AreRefusedUnlessAllowed) {
  const RawImage raw{.data = {}, .width = 4, .height = 2, .stride = 0, .format = PixelFormat::kMono8};
  const Bytes data = {1, 2, 3, 4, 5, 6, 7, 8, 0xCA, 0xFE, 0xBA, 0xBE};
  RawImage refused = raw;
  refused.data = data;
  RawImage too_few_allowed = refused;
  too_few_allowed.max_trailing_bytes = 3;
  RawImage allowed = refused;
  allowed.max_trailing_bytes = 4;

  EXPECT_EQ(ConvertRawImage(refused).status().message(),
            "raw image has 12 bytes; 4 x 2 Mono8 pixels need 8; if what follows the pixels is chunk data, "
            "max_trailing_bytes allows it");
  EXPECT_EQ(ConvertRawImage(too_few_allowed).status().message(),
            "raw image has 12 bytes; 4 x 2 Mono8 pixels need 8 and max_trailing_bytes allows 3 more");
  ASSERT_TRUE(ConvertRawImage(allowed).ok());
  EXPECT_EQ(ConvertRawImage(allowed)->pixels[21], 8);
}

TEST(TrailingBytes, AreNoReplacementForPixels) {
  const Bytes data(7);
  RawImage raw{.data = data, .width = 4, .height = 2, .stride = 0, .format = PixelFormat::kMono8};
  raw.max_trailing_bytes = 100;
  EXPECT_EQ(ConvertRawImage(raw).status().message(), "raw image has 7 bytes; 4 x 2 Mono8 pixels need 8");
  raw.max_trailing_bytes = -1;
  EXPECT_FALSE(ConvertRawImage(raw).ok());
}

TEST(SampleBits, AreThoseThatHoldEverySample) {
  const auto bits = [](const Bytes& data, PixelFormat format, std::optional<int> significant_bits = std::nullopt) {
    return ConvertRawImage({data, 2, 1, 0, format}, {}, significant_bits)->sample_bits;
  };

  EXPECT_EQ(bits({0x00, 0x08, 0xFF, 0x07}, PixelFormat::kMono16), 12);
  EXPECT_EQ(bits({0x00, 0x10, 0xFF, 0x07}, PixelFormat::kMono16), 13);
  EXPECT_EQ(bits({0, 0, 0, 0}, PixelFormat::kMono16), std::nullopt);
  EXPECT_EQ(bits({0x00, 0x08, 0xFF, 0x07}, PixelFormat::kMono16, 16), std::nullopt);
  EXPECT_EQ(bits({0x00, 0x08, 0xFF, 0x07}, PixelFormat::kMono12), std::nullopt);
}

TEST(ShallowSamples, AreThoseOfFiveToTwelveBits) {
  RgbImage image;
  EXPECT_FALSE(HasShallowSamples(image));
  for (int bits = 1; bits <= 16; ++bits) {
    image.sample_bits = bits;
    EXPECT_EQ(HasShallowSamples(image), bits >= 5 && bits <= 12) << bits;
  }
}

}  // namespace
}  // namespace bayespfl
