// ConvertRawImage: byte layouts, Bayer patterns, refused buffers.
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "model/image/decode.h"

namespace bayespfl {
namespace {

using Bytes = std::vector<uint8_t>;

absl::StatusOr<RgbImage> Convert(PixelFormat format, int64_t width, int64_t height, const Bytes& data,
                                 int64_t stride = 0, std::optional<int> significant_bits = std::nullopt) {
  return ConvertRawImage({data, width, height, stride, format}, ImageLimits(), significant_bits);
}

// Red channel of a picture that must be gray.
Bytes Grays(const absl::StatusOr<RgbImage>& image) {
  EXPECT_TRUE(image.ok()) << image.status();
  Bytes grays;
  for (size_t i = 0; image.ok() && i < image->pixel_count(); ++i) {
    grays.push_back(image->pixels[i * 3]);
    EXPECT_EQ(image->pixels[i * 3 + 1], grays.back());
    EXPECT_EQ(image->pixels[i * 3 + 2], grays.back());
  }
  return grays;
}

// round(255 v / max) in floating point, independent of the product's integer formula.
uint8_t Scaled(double value, double max) { return static_cast<uint8_t>(255.0 * value / max + 0.5); }

TEST(Mono8, BecomesGray) { EXPECT_EQ(Grays(Convert(PixelFormat::kMono8, 3, 1, {0, 128, 255})), (Bytes{0, 128, 255})); }

TEST(Mono12Packed, HoldsBothLowNibblesInItsMiddleByte) {
  // Pixels 0xABC and 0x123: AB | 3C | 12.
  EXPECT_EQ(Grays(Convert(PixelFormat::kMono12Packed, 2, 1, {0xAB, 0x3C, 0x12})),
            (Bytes{Scaled(0xABC, 4095), Scaled(0x123, 4095)}));
}

TEST(Mono12p, IsOneLittleEndianStreamOfBits) {
  // Pixels 0xABC and 0x123: BC | 3A | 12.
  EXPECT_EQ(Grays(Convert(PixelFormat::kMono12p, 2, 1, {0xBC, 0x3A, 0x12})),
            (Bytes{Scaled(0xABC, 4095), Scaled(0x123, 4095)}));
}

TEST(Mono12Packed, DiffersFromMono12pInTheFirstPixelOnly) {
  const Bytes data = {0xF0, 0x00, 0x80};

  EXPECT_EQ(Grays(Convert(PixelFormat::kMono12Packed, 2, 1, data)), (Bytes{Scaled(0xF00, 4095), Scaled(0x800, 4095)}));
  EXPECT_EQ(Grays(Convert(PixelFormat::kMono12p, 2, 1, data)), (Bytes{Scaled(0x0F0, 4095), Scaled(0x800, 4095)}));
}

TEST(Mono12Packed, StartsEveryRowOnAByteWhenTheWidthIsOdd) {
  // Two rows of one pixel: ceil(12 / 8) = 2 bytes each.
  EXPECT_EQ(Grays(Convert(PixelFormat::kMono12Packed, 1, 2, {0xFF, 0x0F, 0x12, 0x03})),
            (Bytes{255, Scaled(0x123, 4095)}));
  EXPECT_FALSE(Convert(PixelFormat::kMono12Packed, 1, 2, {0xFF, 0x0F, 0x12}).ok());
}

TEST(Mono12p, StartsEveryRowOnAByteWhenTheWidthIsOdd) {
  // Two rows of three pixels: ceil(36 / 8) = 5 bytes each. Rows: FFF 000 FFF and 000 FFF 000.
  const Bytes data = {0xFF, 0x0F, 0x00, 0xFF, 0x0F, 0x00, 0xF0, 0xFF, 0x00, 0x00};

  EXPECT_EQ(Grays(Convert(PixelFormat::kMono12p, 3, 2, data)), (Bytes{255, 0, 255, 0, 255, 0}));
}

TEST(Mono10, IsLittleEndianAndSaturates) {
  // 0, 1, 512, 1023 and 1024 (a bit too many).
  const Bytes data = {0x00, 0x00, 0x01, 0x00, 0x00, 0x02, 0xFF, 0x03, 0x00, 0x04};

  EXPECT_EQ(Grays(Convert(PixelFormat::kMono10, 5, 1, data)), (Bytes{0, Scaled(1, 1023), Scaled(512, 1023), 255, 255}));
}

TEST(Mono12, RoundsEveryValueToTheNearest) {
  Bytes data;
  Bytes expected;
  for (int value = 0; value < 5000; ++value) {
    data.push_back(static_cast<uint8_t>(value & 0xff));
    data.push_back(static_cast<uint8_t>(value >> 8));
    expected.push_back(value > 4095 ? 255 : Scaled(value, 4095));
  }

  EXPECT_EQ(Grays(Convert(PixelFormat::kMono12, 5000, 1, data)), expected);
}

TEST(Mono16, DividesBy257Rounded) {
  Bytes data;
  Bytes expected;
  for (int value = 0; value < 65536; ++value) {
    data.push_back(static_cast<uint8_t>(value & 0xff));
    data.push_back(static_cast<uint8_t>(value >> 8));
    expected.push_back(static_cast<uint8_t>(value / 257.0 + 0.5));
  }

  EXPECT_EQ(Grays(Convert(PixelFormat::kMono16, 256, 256, data)), expected);
}

TEST(Mono16, UsesTheSignificantBits) {
  const Bytes data = {0x00, 0x01, 0xFF, 0x3F, 0x00, 0x40};  // 256, 16383, 16384

  EXPECT_EQ(Grays(Convert(PixelFormat::kMono16, 3, 1, data, 0, 14)), (Bytes{Scaled(256, 16383), 255, 255}));
}

TEST(SignificantBits, AreRefusedOutsideTheirRangeAndForOtherFormats) {
  EXPECT_FALSE(Convert(PixelFormat::kMono16, 1, 1, {0, 0}, 0, 8).ok());
  EXPECT_FALSE(Convert(PixelFormat::kMono16, 1, 1, {0, 0}, 0, 17).ok());
  EXPECT_FALSE(Convert(PixelFormat::kMono12, 1, 1, {0, 0}, 0, 12).ok());
}

TEST(ColorFormats, DeliverRedGreenBlue) {
  EXPECT_EQ(Convert(PixelFormat::kRGB8, 1, 1, {1, 2, 3})->pixels, (Bytes{1, 2, 3}));
  EXPECT_EQ(Convert(PixelFormat::kBGR8, 1, 1, {1, 2, 3})->pixels, (Bytes{3, 2, 1}));
  EXPECT_EQ(Convert(PixelFormat::kRGBa8, 1, 1, {1, 2, 3, 0})->pixels, (Bytes{1, 2, 3}));
}

TEST(Stride, SkipsThePaddingOfEveryRow) {
  const Bytes padded = {1, 2, 99, 99, 3, 4, 99, 99};
  const Bytes without_last_padding(padded.begin(), padded.end() - 2);

  EXPECT_EQ(Grays(Convert(PixelFormat::kMono8, 2, 2, padded, 4)), (Bytes{1, 2, 3, 4}));
  EXPECT_EQ(Grays(Convert(PixelFormat::kMono8, 2, 2, without_last_padding, 4)), (Bytes{1, 2, 3, 4}));
}

TEST(Layout, RefusesWrongSizes) {
  const Bytes data(8);
  for (const auto& [width, height, stride] : std::vector<std::array<int64_t, 3>>{
           {0, 1, 0},
           {8, 0, 0},
           {-8, -1, 0},
           {8, 2, 0},   // too short
           {3, 2, 0},   // too long
           {4, 2, 3},   // stride below a row
           {4, 2, -4},  // negative stride
           {4, 2, 5},   // last row incomplete
           {4, 2, std::numeric_limits<int64_t>::max()},
           {std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::max(), 0},
       }) {
    const auto image = Convert(PixelFormat::kMono8, width, height, data, stride);
    EXPECT_EQ(image.status().code(), absl::StatusCode::kInvalidArgument) << width << " " << height << " " << stride;
  }
}

TEST(Layout, NamesPresentAndNeededBytes) {
  const auto image = Convert(PixelFormat::kMono12, 100, 10, Bytes(1999));

  EXPECT_EQ(image.status().message(), "raw image has 1999 bytes; 100 x 10 Mono12 pixels need 2000");
}

TEST(RawLimits, NameTheServerSetting) {
  const Bytes data(100);
  ImageLimits limits;
  limits.max_pixels = 99;
  const auto pixels = ConvertRawImage({data, 10, 10, 0, PixelFormat::kMono8}, limits);
  limits = ImageLimits();
  limits.max_bytes = 99;
  const auto bytes = ConvertRawImage({data, 10, 10, 0, PixelFormat::kMono8}, limits);

  EXPECT_EQ(pixels.status().message(), "image is 10 x 10 pixels, over the limit max_image_pixels = 99");
  EXPECT_EQ(bytes.status().message(), "image has 100 bytes, over the limit max_image_bytes = 99");
}

struct BayerCase {
  PixelFormat format;
  const char* pattern;  // the 2 x 2 cell, row by row
};

class Bayer : public ::testing::TestWithParam<BayerCase> {
 protected:
  // What a camera with this pattern sees of a scene of one colour.
  static Bytes Mosaic(int width, int height, const Bytes& rgb) {
    Bytes mosaic;
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        const char color = GetParam().pattern[y % 2 * 2 + x % 2];
        mosaic.push_back(rgb[color == 'R' ? 0 : color == 'G' ? 1 : 2]);
      }
    }
    return mosaic;
  }
};

TEST_P(Bayer, RecoversScenesOfOneColorUpToTheBorder) {
  for (const Bytes& rgb : {Bytes{255, 0, 0}, Bytes{0, 255, 0}, Bytes{0, 0, 255}, Bytes{200, 100, 50}}) {
    for (const auto& [width, height] : std::vector<std::array<int, 2>>{{2, 2}, {3, 3}, {2, 9}, {7, 2}, {16, 12}}) {
      const auto image = Convert(GetParam().format, width, height, Mosaic(width, height, rgb));

      ASSERT_TRUE(image.ok()) << image.status();
      Bytes expected;
      for (size_t i = 0; i < image->pixel_count(); ++i) expected.insert(expected.end(), rgb.begin(), rgb.end());
      EXPECT_EQ(image->pixels, expected) << width << " x " << height;
    }
  }
}

TEST_P(Bayer, HonoursTheStride) {
  Bytes padded;
  for (int y = 0; y < 6; ++y) {
    for (int x = 0; x < 6; ++x) {
      const char color = GetParam().pattern[y % 2 * 2 + x % 2];
      padded.push_back(color == 'R' ? 200 : color == 'G' ? 100 : 50);
    }
    padded.insert(padded.end(), 3, 255);
  }

  const auto with_padding = Convert(GetParam().format, 6, 6, padded, 9);

  EXPECT_EQ(with_padding->pixels, Convert(GetParam().format, 6, 6, Mosaic(6, 6, {200, 100, 50}))->pixels);
}

TEST_P(Bayer, InterpolatesLinearlyBetweenSamplesOfAColor) {
  // A horizontal ramp: every sample of a pixel's neighbourhood averages to the pixel's own place on the ramp.
  Bytes ramp;
  for (int y = 0; y < 8; ++y) {
    for (int x = 0; x < 8; ++x) ramp.push_back(static_cast<uint8_t>(20 * x));
  }

  const auto image = Convert(GetParam().format, 8, 8, ramp);

  for (size_t y = 0; y < 8; ++y) {
    for (size_t x = 1; x < 7; ++x) {
      for (size_t c = 0; c < 3; ++c) EXPECT_EQ(image->pixels[(y * 8 + x) * 3 + c], 20 * x) << x << "," << y;
    }
  }
}

TEST_P(Bayer, RefusesPicturesWithoutAllColors) {
  for (const auto& [width, height] : std::vector<std::array<int, 2>>{{1, 1}, {1, 8}, {8, 1}}) {
    const auto image = Convert(GetParam().format, width, height, Bytes(static_cast<size_t>(width * height)));
    EXPECT_EQ(image.status().code(), absl::StatusCode::kInvalidArgument);
  }
}

INSTANTIATE_TEST_SUITE_P(AllPatterns, Bayer,
                         ::testing::Values(BayerCase{PixelFormat::kBayerRG8, "RGGB"},
                                           BayerCase{PixelFormat::kBayerGB8, "GBRG"},
                                           BayerCase{PixelFormat::kBayerGR8, "GRBG"},
                                           BayerCase{PixelFormat::kBayerBG8, "BGGR"}),
                         [](const auto& test) { return std::string(PixelFormatName(test.param.format)); });

}  // namespace
}  // namespace bayespfl
