// DecodeImage: formats in common, and WebP. The others have files of their own.
#include "model/image/decode.h"

#include <cstddef>
#include <cstdint>
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
  size_t end_bytes = 0;  // behind the last byte that holds pixels
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

TEST_P(EveryFormat, RejectsTheFileCutAnywhereInFrontOfItsLastPixel) {
  const Bytes file = File(40, 30, CV_8UC3);
  const size_t needed = file.size() - GetParam().end_bytes;
  ::testing::internal::CaptureStderr();
  for (size_t size = 0; size < needed; size += size < 128 || size + 64 > file.size() ? 1 : 13) {
    const auto image = DecodeImage(absl::MakeConstSpan(file).first(size));

    EXPECT_EQ(image.status().code(), absl::StatusCode::kInvalidArgument) << size << " of " << file.size() << " bytes";
  }
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "") << "a bad picture must not write to the server's log";
}

TEST_P(EveryFormat, ReadsAFileThatLacksNothingButItsEndMark) {
  const Bytes file = File(40, 30, CV_8UC3);
  const auto whole = DecodeImage(file);
  ASSERT_TRUE(whole.ok()) << whole.status();
  for (size_t missing = 1; missing <= GetParam().end_bytes; ++missing) {
    const auto image = DecodeImage(absl::MakeConstSpan(file).first(file.size() - missing));

    ASSERT_TRUE(image.ok()) << missing << " bytes missing: " << image.status();
    EXPECT_EQ(image->pixels, whole->pixels);
  }
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
                         ::testing::Values(FormatCase{"Jpeg", ".jpg", {}, false, 2},
                                           FormatCase{
                                               "ProgressiveJpeg", ".jpg", {cv::IMWRITE_JPEG_PROGRESSIVE, 1}, false, 2},
                                           FormatCase{"Png", ".png", {}, true, 12}, FormatCase{"Bmp", ".bmp", {}, true},
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

// libwebp would take the larger buffer and leave the rest of it as it was.
TEST(Webp, RefusesAPictureSmallerThanItsCanvas) {
  const Bytes still = Encode(".webp", NoisyPicture(20, 10, CV_8UC3), {cv::IMWRITE_WEBP_QUALITY, 101});
  Bytes webp = {'R', 'I', 'F', 'F', 0, 0, 0, 0, 'W', 'E', 'B', 'P', 'V', 'P', '8',
                'X', 10,  0,   0,   0, 0, 0, 0, 0,   19,  0,   0,   10,  0,   0};  // 20 x 11
  webp.insert(webp.end(), still.begin() + 12, still.end());
  SetLittle32(webp, 4, static_cast<uint32_t>(webp.size() - 8));
  EXPECT_THAT(DecodeImage(webp).status().message(), HasSubstr("damaged WebP"));

  webp[27] = 9;  // 20 x 10
  EXPECT_EQ(DecodeImage(webp)->pixels, DecodeImage(still)->pixels);
}

TEST(Webp, IgnoresBytesBehindItsAnnouncedLength) {
  Bytes webp = Encode(".webp", NoisyPicture(20, 10, CV_8UC3), {cv::IMWRITE_WEBP_QUALITY, 101});
  const Bytes pixels = DecodeImage(webp)->pixels;
  webp.insert(webp.end(), 100, 7);

  EXPECT_EQ(DecodeImage(webp)->pixels, pixels);
}

}  // namespace
}  // namespace bayespfl
