// DecodeImage: formats in common, BMP and WebP. JPEG, PNG and TIFF have files of their own.
#include "model/image/decode.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <opencv2/imgcodecs.hpp>
#include <ostream>
#include <string>
#include <tuple>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/model/image/encoded_pictures.h"

namespace bayespfl {
namespace {

using testing::Encode;
using testing::ExpectedRgb;
using ::testing::HasSubstr;
using testing::NoisyPicture;

using Bytes = std::vector<uint8_t>;

constexpr char kUnsupportedFormat[] = "unsupported image format; expected JPEG, PNG, BMP, TIFF or WebP";

void SetLittle32(Bytes& bytes, size_t at, uint32_t value) {
  for (size_t i = 0; i < 4; ++i) bytes[at + i] = static_cast<uint8_t>(value >> (8 * i));
}

absl::StatusOr<RgbImage> DecodeWithin(const Bytes& file, int64_t max_pixels) {
  ImageLimits limits;
  limits.max_pixels = max_pixels;
  return DecodeImage(file, limits);
}

struct FormatCase {
  const char* name;
  const char* extension;
  std::vector<int> parameters;
  bool lossless;
};

void PrintTo(const FormatCase& format, std::ostream* out) { *out << format.name; }

class EveryFormat : public ::testing::TestWithParam<FormatCase> {
 protected:
  static Bytes File(int width, int height, int type) {
    return Encode(GetParam().extension, NoisyPicture(width, height, type), GetParam().parameters);
  }
};

TEST_P(EveryFormat, DecodesRedGreenBlueInThisOrder) {
  const cv::Mat picture(12, 20, CV_8UC3, cv::Scalar(30, 90, 200));  // BGR

  const auto image = DecodeImage(Encode(GetParam().extension, picture, GetParam().parameters));

  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->width, 20);
  EXPECT_EQ(image->height, 12);
  const int tolerance = GetParam().lossless ? 0 : 3;
  EXPECT_NEAR(image->pixels[0], 200, tolerance);
  EXPECT_NEAR(image->pixels[1], 90, tolerance);
  EXPECT_NEAR(image->pixels[2], 30, tolerance);
}

TEST_P(EveryFormat, DecodesAPictureOfOnePixel) {
  const auto image = DecodeImage(File(1, 1, CV_8UC3));

  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->pixels.size(), 3U);
}

TEST_P(EveryFormat, RejectsTheFileCutAnywhere) {
  const Bytes file = File(40, 30, CV_8UC3);
  ::testing::internal::CaptureStderr();
  for (size_t size = 0; size < file.size(); size += size < 128 || size + 64 > file.size() ? 1 : 13) {
    const auto image = DecodeImage(absl::MakeConstSpan(file).first(size));

    EXPECT_EQ(image.status().code(), absl::StatusCode::kInvalidArgument) << size << " of " << file.size() << " bytes";
  }
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "") << "a bad picture must not write to the server's log";
}

TEST_P(EveryFormat, RejectsTooManyPixelsNamingTheServerSetting) {
  const Bytes file = File(20, 30, CV_8UC3);

  EXPECT_TRUE(DecodeWithin(file, 600).ok());
  const absl::Status refused = DecodeWithin(file, 599).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(refused.message(), "image is 20 x 30 pixels, over the limit max_image_pixels = 599");
  EXPECT_TRUE(IsOverImageLimit(refused));
}

TEST_P(EveryFormat, RejectsTooManyBytesNamingTheServerSetting) {
  const Bytes file = File(20, 30, CV_8UC3);
  ImageLimits limits;
  limits.max_bytes = static_cast<int64_t>(file.size()) - 1;

  const auto image = DecodeImage(file, limits);

  EXPECT_EQ(image.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(image.status().message(),
              HasSubstr("over the limit max_image_bytes = " + std::to_string(limits.max_bytes)));
  EXPECT_TRUE(IsOverImageLimit(image.status()));
}

TEST_P(EveryFormat, SurvivesRandomMutations) { testing::ExpectSurvivesMutations(File(32, 24, CV_8UC3), 2000); }

INSTANTIATE_TEST_SUITE_P(Formats, EveryFormat,
                         ::testing::Values(FormatCase{"Jpeg", ".jpg", {}, false},
                                           FormatCase{
                                               "ProgressiveJpeg", ".jpg", {cv::IMWRITE_JPEG_PROGRESSIVE, 1}, false},
                                           FormatCase{"Png", ".png", {}, true}, FormatCase{"Bmp", ".bmp", {}, true},
                                           FormatCase{"Tiff", ".tiff", {}, true},
                                           FormatCase{"LossyWebp", ".webp", {cv::IMWRITE_WEBP_QUALITY, 90}, false},
                                           FormatCase{"LosslessWebp", ".webp", {cv::IMWRITE_WEBP_QUALITY, 101}, true}),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(LosslessFormats, KeepEverySample) {
  const std::vector<int> lossless = {cv::IMWRITE_WEBP_QUALITY, 101};
  for (const int type : {CV_8UC1, CV_8UC3}) {
    const cv::Mat picture = NoisyPicture(53, 31, type);
    for (const char* extension : {".png", ".bmp", ".tiff", ".webp"}) {
      const auto image = DecodeImage(Encode(extension, picture, lossless));

      ASSERT_TRUE(image.ok()) << image.status();
      EXPECT_EQ(image->pixels, ExpectedRgb(picture)) << extension;
    }
  }
}

TEST(DecodeImage, RejectsEmptyData) {
  EXPECT_EQ(DecodeImage({}).status(), absl::InvalidArgumentError("image is empty"));
}

TEST(DecodeImage, RejectsOtherFormatsByNamingTheSupportedOnes) {
  for (const std::string start : {"GIF89a", "\x0a\x05\x01\x08", "P6 1 1 255\n", "#?RADIANCE\n", "hello", "B"}) {
    const Bytes data(start.begin(), start.end());
    EXPECT_EQ(DecodeImage(data).status(), absl::InvalidArgumentError(kUnsupportedFormat)) << start;
  }
}

TEST(DecodeImage, RejectsSignificantBitsOutsideTheirRange) {
  const Bytes file = Encode(".png", NoisyPicture(2, 2, CV_16UC1));

  EXPECT_FALSE(DecodeImage(file, {}, 8).ok());
  EXPECT_FALSE(DecodeImage(file, {}, 17).ok());
  EXPECT_TRUE(DecodeImage(file, {}, 9).ok());
}

class SixteenBit : public ::testing::TestWithParam<std::tuple<const char*, int>> {};

TEST_P(SixteenBit, DividesBy257Rounded) {
  const auto& [extension, type] = GetParam();
  const cv::Mat picture = NoisyPicture(61, 40, type);

  const auto image = DecodeImage(Encode(extension, picture));

  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->pixels, ExpectedRgb(picture));
}

// Two samples of 11 and 12 bits need 12 together; nothing is told of what was taken as said.
TEST_P(SixteenBit, TellsHowManyBitsItsSamplesFill) {
  const auto& [extension, type] = GetParam();
  cv::Mat picture(1, 2, type, cv::Scalar::all(0x0444));
  picture.col(1).setTo(cv::Scalar::all(0x0800));
  const Bytes file = Encode(extension, picture);

  EXPECT_EQ(DecodeImage(file)->sample_bits, 12);
  EXPECT_EQ(DecodeImage(file, {}, 16)->sample_bits, std::nullopt);
  EXPECT_EQ(DecodeImage(Encode(extension, cv::Mat(picture * 16)))->sample_bits, 16);
  EXPECT_EQ(DecodeImage(Encode(extension, cv::Mat(picture * 0)))->sample_bits, std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(PngAndTiff, SixteenBit,
                         ::testing::Combine(::testing::Values(".png", ".tiff"),
                                            ::testing::Values(CV_16UC1, CV_16UC3, CV_16UC4)));

TEST(EightBit, TellsNothingOfItsBits) {
  for (const char* const extension : {".png", ".tiff", ".bmp", ".jpg"}) {
    EXPECT_EQ(DecodeImage(Encode(extension, NoisyPicture(4, 4, CV_8UC1)))->sample_bits, std::nullopt) << extension;
  }
}

TEST(AlphaPictures, LoseTheirAlphaAndKeepTheirColors) {
  const cv::Mat picture = NoisyPicture(30, 20, CV_8UC4);
  for (const char* extension : {".png", ".tiff"}) {
    EXPECT_EQ(DecodeImage(Encode(extension, picture))->pixels, ExpectedRgb(picture)) << extension;
  }
  // A lossless WebP forgets the colour of invisible pixels, so none may be invisible here.
  cv::Mat visible = picture.clone();
  for (int y = 0; y < visible.rows; ++y) {
    for (int x = 0; x < visible.cols; ++x) visible.at<cv::Vec4b>(y, x)[3] |= 1;
  }
  EXPECT_EQ(DecodeImage(Encode(".webp", visible, {cv::IMWRITE_WEBP_QUALITY, 101}))->pixels, ExpectedRgb(visible));
}

// File header and BITMAPINFOHEADER of a BMP; the caller appends palette and rows.
Bytes BmpStart(int32_t width, int32_t height, uint8_t bits, uint8_t compression, uint32_t palette_colors) {
  Bytes bmp(54, 0);
  bmp[0] = 'B';
  bmp[1] = 'M';
  SetLittle32(bmp, 10, 54 + 4 * palette_colors);
  SetLittle32(bmp, 14, 40);
  SetLittle32(bmp, 18, static_cast<uint32_t>(width));
  SetLittle32(bmp, 22, static_cast<uint32_t>(height));
  bmp[26] = 1;
  bmp[28] = bits;
  bmp[30] = compression;
  SetLittle32(bmp, 46, palette_colors);
  return bmp;
}

TEST(Bmp, ReadsBottomUpAndTopDownRows) {
  const Bytes rows = {1, 2, 3, 0, 4, 5, 6, 0};  // two rows of one BGR pixel, padded to four bytes
  Bytes bottom_up = BmpStart(1, 2, 24, 0, 0);
  Bytes top_down = BmpStart(1, -2, 24, 0, 0);
  bottom_up.insert(bottom_up.end(), rows.begin(), rows.end());
  top_down.insert(top_down.end(), rows.begin(), rows.end());

  EXPECT_EQ(DecodeImage(bottom_up)->pixels, (Bytes{6, 5, 4, 3, 2, 1}));
  EXPECT_EQ(DecodeImage(top_down)->pixels, (Bytes{3, 2, 1, 6, 5, 4}));
}

TEST(Bmp, ExpandsPalettes) {
  const Bytes palette = {10, 20, 30, 0, 40, 50, 60, 0};  // two BGR0 entries
  Bytes one_bit = BmpStart(2, 1, 1, 0, 2);
  one_bit.insert(one_bit.end(), palette.begin(), palette.end());
  one_bit.insert(one_bit.end(), {0x40, 0, 0, 0});
  Bytes eight_bits = BmpStart(2, 1, 8, 0, 2);
  eight_bits.insert(eight_bits.end(), palette.begin(), palette.end());
  eight_bits.insert(eight_bits.end(), {0, 1, 0, 0});

  EXPECT_EQ(DecodeImage(one_bit)->pixels, (Bytes{30, 20, 10, 60, 50, 40}));
  EXPECT_EQ(DecodeImage(eight_bits)->pixels, (Bytes{30, 20, 10, 60, 50, 40}));
}

TEST(Bmp, DropsTheFourthByteOf32Bits) {
  Bytes bmp = BmpStart(1, 1, 32, 0, 0);
  bmp.insert(bmp.end(), {1, 2, 3, 77});

  EXPECT_EQ(DecodeImage(bmp)->pixels, (Bytes{3, 2, 1}));
}

TEST(Bmp, RefusesRunLengthsByName) {
  Bytes bmp = BmpStart(1, 1, 8, 1, 2);
  bmp.resize(200);

  EXPECT_EQ(DecodeImage(bmp).status(),
            absl::InvalidArgumentError("unsupported BMP: compression 1 with 8 bits per pixel; expected uncompressed"));
}

TEST(Bmp, RefusesTheMostNegativeHeight) {
  Bytes bmp = BmpStart(1, std::numeric_limits<int32_t>::min(), 24, 0, 0);
  bmp.resize(200);

  EXPECT_EQ(DecodeImage(bmp).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(Webp, RefusesAnimationByName) {
  Bytes webp = {'R', 'I', 'F', 'F', 0, 0, 0, 0, 'W', 'E', 'B', 'P', 'V', 'P', '8', 'X', 10, 0, 0, 0, 0x02, 0, 0, 0};
  webp.resize(64);
  SetLittle32(webp, 4, 56);

  EXPECT_EQ(DecodeImage(webp).status(), absl::InvalidArgumentError("unsupported WebP: animation"));
}

TEST(Webp, ChecksTheCanvasOfAnExtendedFileAgainstTheLimit) {
  Bytes webp = {'R', 'I', 'F', 'F', 0, 0, 0, 0, 'W', 'E',  'B',  'P',  'V',  'P',  '8',
                'X', 10,  0,   0,   0, 0, 0, 0, 0,   0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
  webp.resize(64);
  SetLittle32(webp, 4, 56);

  EXPECT_THAT(DecodeImage(webp).status().message(), HasSubstr("16777216 x 16777216 pixels, over the limit"));
}

}  // namespace
}  // namespace bayespfl
