// EncodePng, EncodeJpeg and EncodeCocoRle, read back by our decoders or by a decoder written from the format's
// description.
#include "model/image/encode.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <opencv2/imgcodecs.hpp>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "gtest/gtest.h"
#include "model/image/decode.h"

namespace bayespfl {
namespace {

using Bytes = std::vector<uint8_t>;

absl::Span<const uint8_t> AsBytes(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

Bytes Noise(size_t size, unsigned seed) {
  std::mt19937 generator(seed);
  Bytes bytes(size);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(generator());
  return bytes;
}

// The file as OpenCV reads it, unchanged in depth and channels.
cv::Mat ReadUnchanged(const std::string& file) {
  return cv::imdecode(cv::Mat(1, static_cast<int>(file.size()), CV_8UC1, const_cast<char*>(file.data())),
                      cv::IMREAD_UNCHANGED);
}

// Bit depth and colour type of a PNG's header.
std::pair<int, int> DepthAndColor(const std::string& file) { return {file[24], file[25]}; }

TEST(EncodePngTest, Gray8KeepsEveryValueAtOddSizes) {
  const Bytes pixels = Noise(size_t{37} * 5, 1);
  const absl::StatusOr<std::string> file = EncodePng(PngSamples::kGray8, 37, 5, pixels);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(DepthAndColor(*file), std::make_pair(8, 0));
  const cv::Mat read = ReadUnchanged(*file);
  ASSERT_EQ(read.type(), CV_8UC1);
  ASSERT_EQ(read.cols, 37);
  EXPECT_EQ(Bytes(read.datastart, read.dataend), pixels);
}

TEST(EncodePngTest, Gray16IsBigEndian) {
  const Bytes samples = {0x12, 0x34, 0xFF, 0xFE};
  const absl::StatusOr<std::string> file = EncodePng(PngSamples::kGray16, 2, 1, samples);
  ASSERT_TRUE(file.ok()) << file.status();
  const cv::Mat read = ReadUnchanged(*file);
  ASSERT_EQ(read.type(), CV_16UC1);
  EXPECT_EQ(read.at<uint16_t>(0, 0), 0x1234);
  EXPECT_EQ(read.at<uint16_t>(0, 1), 0xFFFE);
}

TEST(EncodePngTest, Gray1HasOneBitAPixelAndTakesEveryNonZeroForWhite) {
  const Bytes mask = {0, 255, 1, 0, 0, 0, 0, 0, 0, 7, 255, 0};  // 6 x 2
  const absl::StatusOr<std::string> file = EncodePng(PngSamples::kGray1, 6, 2, mask);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(DepthAndColor(*file), std::make_pair(1, 0));
  const absl::StatusOr<RgbImage> read = DecodeImage(AsBytes(*file));
  ASSERT_TRUE(read.ok()) << read.status();
  for (size_t i = 0; i < mask.size(); ++i) EXPECT_EQ(read->pixels[3 * i], mask[i] != 0 ? 255 : 0) << i;
}

TEST(EncodePngTest, RgbIsTheSamePictureAgain) {
  const RgbImage picture{13, 7, Noise(size_t{13} * 7 * 3, 2)};
  const absl::StatusOr<std::string> file = EncodePng(picture);
  ASSERT_TRUE(file.ok()) << file.status();
  const absl::StatusOr<RgbImage> read = DecodeImage(AsBytes(*file));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->width, 13);
  EXPECT_EQ(read->height, 7);
  EXPECT_EQ(read->pixels, picture.pixels);
}

TEST(EncodeJpegTest, IsCloseToThePicture) {
  RgbImage picture{64, 48, Bytes(size_t{64} * 48 * 3)};
  for (size_t i = 0; i < picture.pixels.size(); ++i) {
    picture.pixels[i] = static_cast<uint8_t>(i % 3 == 0 ? 4 * ((i / 3) % 64) / 2 : 90);
  }
  const absl::StatusOr<std::string> file = EncodeJpeg(picture, 90);
  ASSERT_TRUE(file.ok()) << file.status();
  const absl::StatusOr<RgbImage> read = DecodeImage(AsBytes(*file));
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_EQ(read->pixels.size(), picture.pixels.size());
  double sum = 0;
  for (size_t i = 0; i < picture.pixels.size(); ++i) {
    sum += std::abs(int{read->pixels[i]} - int{picture.pixels[i]});
  }
  EXPECT_LT(sum / static_cast<double>(picture.pixels.size()), 3.0);
}

TEST(EncodeJpegTest, NamesASideThatNoJpegCanHave) {
  const RgbImage picture{65501, 1, Bytes(size_t{65501} * 3)};
  const absl::StatusOr<std::string> file = EncodeJpeg(picture, 90);
  EXPECT_TRUE(absl::IsInvalidArgument(file.status()));
  EXPECT_NE(file.status().message().find("65500"), std::string::npos) << file.status();
}

TEST(EncodePictureTest, RefusesWhatIsNoPictureAndNoQuality) {
  const RgbImage torn{.width = 40, .height = 30, .pixels = Bytes(size_t{40} * 30)};
  const RgbImage whole{.width = 1, .height = 1, .pixels = {1, 2, 3}};

  EXPECT_TRUE(absl::IsInvalidArgument(EncodePng(RgbImage()).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(EncodePng(torn).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(EncodeJpeg(torn, 90).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(EncodeJpeg(whole, 0).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(EncodeJpeg(whole, 101).status()));
}

// ---- run lengths, read back as the format's description says

std::vector<int64_t> ReadRuns(const std::string& text) {
  std::vector<int64_t> runs;
  for (size_t i = 0; i < text.size();) {
    int64_t value = 0;
    int shift = 0;
    int digit = 0;
    do {
      digit = text[i++] - 48;
      value |= static_cast<int64_t>(digit & 0x1F) << shift;
      shift += 5;
    } while ((digit & 0x20) != 0);
    if ((digit & 0x10) != 0) value -= int64_t{1} << shift;  // the sign of the last digit
    if (runs.size() > 2) value += runs[runs.size() - 2];
    runs.push_back(value);
  }
  return runs;
}

Bytes Paint(int width, int height, const std::vector<int64_t>& runs) {
  Bytes mask(static_cast<size_t>(width) * static_cast<size_t>(height));
  size_t place = 0;
  for (size_t run = 0; run < runs.size(); ++run) {
    for (int64_t i = 0; i < runs[run]; ++i, ++place) {
      const size_t x = place / static_cast<size_t>(height);
      const size_t y = place % static_cast<size_t>(height);
      mask.at(y * static_cast<size_t>(width) + x) = run % 2;
    }
  }
  EXPECT_EQ(place, mask.size());
  return mask;
}

TEST(EncodeCocoRleTest, RunsGoDownTheColumns) {
  // . #
  // # #   columns: outside 1, inside 3
  EXPECT_EQ(EncodeCocoRle(2, 2, Bytes{0, 1, 1, 1}), "13");
}

TEST(EncodeCocoRleTest, AMaskThatBeginsInsideHasAnEmptyFirstRun) { EXPECT_EQ(EncodeCocoRle(1, 2, Bytes{1, 1}), "02"); }

TEST(EncodeCocoRleTest, LongRunsTakeSeveralDigits) {
  // 100 = 3 * 32 + 4: the least digit first, with the mark that more follow.
  EXPECT_EQ(EncodeCocoRle(10, 10, Bytes(100)), "T3");
}

TEST(EncodeCocoRleTest, ReadsBackAsTheMask) {
  for (unsigned seed = 0; seed < 50; ++seed) {
    const int width = 1 + static_cast<int>(seed % 9);
    const int height = 1 + static_cast<int>(seed * 7 % 40);
    Bytes mask = Noise(static_cast<size_t>(width) * static_cast<size_t>(height), seed);
    for (uint8_t& pixel : mask) pixel = pixel < 40 ? 1 : 0;
    EXPECT_EQ(Paint(width, height, ReadRuns(EncodeCocoRle(width, height, mask))), mask) << seed;
  }
}

// ---- pixel formats and limits as the contract tells them

TEST(PfncValueTest, EveryFormatHasItsOwnAndIsFoundByIt) {
  for (const char* name : {"Mono8", "Mono10", "Mono12", "Mono16", "Mono12Packed", "Mono12p", "BayerRG8", "BayerGB8",
                           "BayerGR8", "BayerBG8", "RGB8", "BGR8", "RGBa8"}) {
    const std::optional<PixelFormat> format = PixelFormatFromName(name);
    ASSERT_TRUE(format.has_value()) << name;
    EXPECT_EQ(PixelFormatFromPfncValue(PfncValue(*format)), format) << name;
  }
  EXPECT_EQ(PixelFormatFromPfncValue(0), std::nullopt);
  EXPECT_EQ(PixelFormatFromPfncValue(0x0108000C), std::nullopt);  // BayerGB10
}

TEST(PfncValueTest, HoldsTheBitsOfAPixel) {
  // PFNC 2.4, section 4.1: bits 16 to 23 of the value are the bits that a pixel takes.
  EXPECT_EQ(PfncValue(PixelFormat::kMono12p) >> 16U & 0xFFU, 12U);
  EXPECT_EQ(PfncValue(PixelFormat::kMono12) >> 16U & 0xFFU, 16U);
  EXPECT_EQ(PfncValue(PixelFormat::kBGR8) >> 16U & 0xFFU, 24U);
  EXPECT_EQ(PfncValue(PixelFormat::kRGBa8) >> 16U & 0xFFU, 32U);
}

TEST(IsOverImageLimitTest, TellsTooLargeFromDamaged) {
  const Bytes pixels(12);
  const RawImage raw{.data = pixels, .width = 4, .height = 3, .stride = 0, .format = PixelFormat::kMono8};
  EXPECT_TRUE(IsOverImageLimit(ConvertRawImage(raw, {.max_bytes = 11}).status()));
  EXPECT_TRUE(IsOverImageLimit(ConvertRawImage(raw, {.max_pixels = 11}).status()));
  EXPECT_FALSE(IsOverImageLimit(DecodeImage(pixels).status()));
  EXPECT_FALSE(IsOverImageLimit(absl::OkStatus()));
}

}  // namespace
}  // namespace bayespfl
