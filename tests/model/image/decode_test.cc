// DecodeImage: formats in common, PNG, BMP and WebP. JPEG and TIFF have files of their own.
#include "model/image/decode.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <opencv2/imgcodecs.hpp>
#include <ostream>
#include <string>
#include <tuple>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/image/byte_order.h"
#include "model/image/resample.h"
#include "tests/model/image/encoded_pictures.h"
#include "tests/support/safetensors_fixture.h"

namespace bayespfl {
namespace {

using testing::Encode;
using testing::ExpectedRgb;
using ::testing::HasSubstr;
using testing::NoisyPicture;

using Bytes = std::vector<uint8_t>;

constexpr char kUnsupportedFormat[] = "unsupported image format; expected JPEG, PNG, BMP, TIFF or WebP";

std::string DataPath(const std::string& file) { return std::string(BAYESPFL_TEST_DATA_DIR) + "/" + file; }

Bytes PreprocessFile(const std::string& name) {
  return testing::ReadFileBytes(DataPath("preprocess/" + name + ".png"));
}

void Append32(Bytes& bytes, uint32_t value) {
  for (const int shift : {24, 16, 8, 0}) bytes.push_back(static_cast<uint8_t>(value >> shift));
}

void AppendPngChunk(Bytes& png, const std::string& type, const Bytes& data) {
  Append32(png, static_cast<uint32_t>(data.size()));
  const size_t start = png.size();
  png.insert(png.end(), type.begin(), type.end());
  png.insert(png.end(), data.begin(), data.end());
  Append32(png, static_cast<uint32_t>(crc32_z(0, png.data() + start, png.size() - start)));
}

// Signature and header chunk of a PNG.
Bytes PngStart(uint32_t width, uint32_t height, uint8_t bits, uint8_t color_type) {
  Bytes png = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  Bytes header;
  Append32(header, width);
  Append32(header, height);
  header.insert(header.end(), {bits, color_type, 0, 0, 0});
  AppendPngChunk(png, "IHDR", header);
  return png;
}

// A complete PNG around raw scanlines, each with its filter byte.
Bytes MakePng(uint32_t width, uint32_t height, uint8_t bits, uint8_t color_type, const Bytes& scanlines) {
  Bytes png = PngStart(width, height, bits, color_type);
  Bytes packed(compressBound(scanlines.size()));
  uLongf packed_size = packed.size();
  compress(packed.data(), &packed_size, scanlines.data(), scanlines.size());
  packed.resize(packed_size);
  AppendPngChunk(png, "IDAT", packed);
  AppendPngChunk(png, "IEND", {});
  return png;
}

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
  EXPECT_EQ(DecodeWithin(file, 599).status(),
            absl::InvalidArgumentError("image is 20 x 30 pixels, over the limit max_image_pixels = 599"));
}

TEST_P(EveryFormat, RejectsTooManyBytesNamingTheServerSetting) {
  const Bytes file = File(20, 30, CV_8UC3);
  ImageLimits limits;
  limits.max_bytes = static_cast<int64_t>(file.size()) - 1;

  const auto image = DecodeImage(file, limits);

  EXPECT_EQ(image.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(image.status().message(),
              HasSubstr("over the limit max_image_bytes = " + std::to_string(limits.max_bytes)));
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

TEST(DecodeImage, RefusesAHugePngAtOnce) {
  Bytes png = PngStart(60000, 60000, 8, 2);
  AppendPngChunk(png, "IDAT", Bytes(1000));
  AppendPngChunk(png, "IEND", {});
  const auto start = std::chrono::steady_clock::now();

  const auto image = DecodeImage(png);

  EXPECT_EQ(image.status(),
            absl::InvalidArgumentError("image is 60000 x 60000 pixels, over the limit max_image_pixels = 100000000"));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(100));
}

TEST(DecodeImage, RefusesSidesThatOverflow) {
  ImageLimits limits;
  limits.max_pixels = std::numeric_limits<int64_t>::max();

  EXPECT_FALSE(DecodeImage(PngStart(0xffffffff, 0xffffffff, 8, 2), limits).ok());
  EXPECT_FALSE(DecodeImage(PngStart(0, 1, 8, 2), limits).ok());
}

class SixteenBit : public ::testing::TestWithParam<std::tuple<const char*, int>> {};

TEST_P(SixteenBit, DividesBy257Rounded) {
  const auto& [extension, type] = GetParam();
  const cv::Mat picture = NoisyPicture(61, 40, type);

  const auto image = DecodeImage(Encode(extension, picture));

  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->pixels, ExpectedRgb(picture));
}

INSTANTIATE_TEST_SUITE_P(PngAndTiff, SixteenBit,
                         ::testing::Combine(::testing::Values(".png", ".tiff"),
                                            ::testing::Values(CV_16UC1, CV_16UC3, CV_16UC4)));

TEST(SixteenBitPng, MapsEveryValueToTheNearest) {
  cv::Mat picture(256, 256, CV_16UC1);
  for (int i = 0; i < 65536; ++i) picture.at<uint16_t>(i / 256, i % 256) = static_cast<uint16_t>(i);

  const auto image = DecodeImage(Encode(".png", picture));

  ASSERT_TRUE(image.ok()) << image.status();
  for (size_t i = 0; i < 65536; ++i) {
    ASSERT_EQ(image->pixels[i * 3], std::lround(static_cast<double>(i) / 257.0)) << i;
  }
}

TEST(SixteenBitPng, UsesTheSignificantBitsAndSaturates) {
  const cv::Mat picture = (cv::Mat_<uint16_t>(1, 4) << 0, 2048, 4095, 4096);

  const auto image = DecodeImage(Encode(".png", picture), {}, 12);

  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->pixels, (Bytes{0, 0, 0, 128, 128, 128, 255, 255, 255, 255, 255, 255}));
}

TEST(EightBitPng, IgnoresSignificantBits) {
  const cv::Mat picture = NoisyPicture(5, 5, CV_8UC1);

  EXPECT_EQ(DecodeImage(Encode(".png", picture), {}, 12)->pixels, ExpectedRgb(picture));
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

constexpr std::array<double, 3> kMean = {0.48145466, 0.4578275, 0.40821073};
constexpr std::array<double, 3> kStd = {0.26862954, 0.26130258, 0.27577711};

// The golden picture [3, 56, 56] in 8 bits, interleaved.
Bytes Golden56(const std::string& name) {
  static const auto* golden =
      new std::map<std::string, testing::FixtureTensor>(testing::LoadSafetensors(DataPath("preprocess.safetensors")));
  const std::vector<float>& values = golden->at(name + "/56").values;
  Bytes bytes(values.size());
  for (size_t i = 0; i < bytes.size(); ++i) {
    const size_t c = i % 3;
    bytes[i] =
        static_cast<uint8_t>(std::lround((double{values[c * values.size() / 3 + i / 3]} * kStd[c] + kMean[c]) * 255.0));
  }
  return bytes;
}

class PaletteFixture : public ::testing::TestWithParam<const char*> {};

// The reference resizes these by nearest neighbour, so each golden pixel is one decoded pixel.
TEST_P(PaletteFixture, DecodesToTheReferencesColors) {
  const auto image = DecodeImage(PreprocessFile(GetParam()));

  ASSERT_TRUE(image.ok()) << image.status();
  Bytes nearest;
  for (int y = 0; y < 56; ++y) {
    for (int x = 0; x < 56; ++x) {
      const int from_x = static_cast<int>((x + 0.5) * image->width / 56);
      const int from_y = static_cast<int>((y + 0.5) * image->height / 56);
      const auto from = image->pixels.begin() + (static_cast<std::ptrdiff_t>(from_y) * image->width + from_x) * 3;
      nearest.insert(nearest.end(), from, from + 3);
    }
  }
  EXPECT_EQ(nearest, Golden56(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(PaletteAndBilevel, PaletteFixture, ::testing::Values("palette_50x33", "bilevel_40x24"));

class AlphaFixture : public ::testing::TestWithParam<const char*> {};

// The reference multiplies colours by alpha around the resize. Doing so with the decoded colours must give its numbers.
TEST_P(AlphaFixture, DecodesToTheReferencesColors) {
  const Bytes file = PreprocessFile(GetParam());
  const cv::Mat alpha = cv::imdecode(file, cv::IMREAD_UNCHANGED);
  ASSERT_EQ(alpha.type(), CV_8UC4);

  const auto image = DecodeImage(file);

  ASSERT_TRUE(image.ok()) << image.status();
  Bytes premultiplied;
  for (int i = 0; i < alpha.rows * alpha.cols; ++i) {
    const uint8_t a = alpha.at<cv::Vec4b>(i / alpha.cols, i % alpha.cols)[3];
    for (size_t c = 0; c < 3; ++c) {
      const int t = image->pixels[static_cast<size_t>(i) * 3 + c] * a + 128;
      premultiplied.push_back(static_cast<uint8_t>((t + (t >> 8)) >> 8));
    }
    premultiplied.push_back(a);
  }
  const Bytes resized = Resample8(premultiplied, image->width, image->height, 4, 56, 56, ResampleFilter::kBicubic);
  Bytes colors;
  for (size_t i = 0; i < resized.size(); i += 4) {
    const int a = resized[i + 3];
    for (size_t c = 0; c < 3; ++c) {
      const int color = resized[i + c];
      colors.push_back(static_cast<uint8_t>(a == 0 || a == 255 ? color : std::min(255, 255 * color / a)));
    }
  }
  EXPECT_EQ(colors, Golden56(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(RgbaAndGrayAlpha, AlphaFixture, ::testing::Values("rgba_90x45", "grayalpha_41x29"));

TEST(Png, ExpandsSmallGrayDepthsToTheFullRange) {
  // One row each: filter byte, then the samples.
  EXPECT_EQ(DecodeImage(MakePng(2, 1, 1, 0, {0, 0x40}))->pixels, (Bytes{0, 0, 0, 255, 255, 255}));
  EXPECT_EQ(DecodeImage(MakePng(2, 1, 2, 0, {0, 0x60}))->pixels, (Bytes{85, 85, 85, 170, 170, 170}));
  EXPECT_EQ(DecodeImage(MakePng(2, 1, 4, 0, {0, 0x1f}))->pixels, (Bytes{17, 17, 17, 255, 255, 255}));
}

TEST(Png, IgnoresTransparencyOrientationAndDamagedTextChunks) {
  Bytes png = PngStart(1, 1, 8, 2);
  AppendPngChunk(png, "eXIf", {'I', 'I', '*', 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0});
  AppendPngChunk(png, "tRNS", {0, 10, 0, 20, 0, 30});
  AppendPngChunk(png, "tEXt", {'a', 0, 'b'});
  png.back() ^= 1;
  const Bytes plain = MakePng(1, 1, 8, 2, {0, 10, 20, 30});
  png.insert(png.end(), plain.begin() + 33, plain.end());
  ::testing::internal::CaptureStderr();

  const auto image = DecodeImage(png);

  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->pixels, (Bytes{10, 20, 30}));
}

TEST(Png, RejectsAFlippedBitInItsPixels) {
  Bytes png = Encode(".png", NoisyPicture(40, 30, CV_8UC3));
  png[png.size() / 2] ^= 1;

  EXPECT_EQ(DecodeImage(png).status(), absl::InvalidArgumentError("damaged PNG: wrong checksum of an IDAT chunk"));
}

TEST(Png, RejectsTooFewRowsBehindCorrectChecksums) {
  const Bytes png = MakePng(2, 3, 8, 0, {0, 1, 2, 0, 3, 4});
  ::testing::internal::CaptureStderr();

  const auto image = DecodeImage(png);

  ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(image.status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(Png, AcceptsBytesAfterItsEnd) {
  Bytes png = MakePng(1, 1, 8, 0, {0, 7});
  png.insert(png.end(), 100, 0);

  EXPECT_EQ(DecodeImage(png)->pixels, (Bytes{7, 7, 7}));
}

// Writes the right checksum behind every chunk that is still in one piece.
void RepairPngChecksums(Bytes& png) {
  size_t at = 8;
  while (at + 12 <= png.size()) {
    const size_t length = image_internal::LoadBig32(png.data() + at);
    if (length > png.size() - at - 12) return;
    Bytes checksum;
    Append32(checksum, static_cast<uint32_t>(crc32_z(0, png.data() + at + 4, length + 4)));
    std::copy(checksum.begin(), checksum.end(), png.begin() + static_cast<std::ptrdiff_t>(at + 8 + length));
    at += length + 12;
  }
}

TEST(Png, SurvivesMutationsWithRepairedChecksums) {
  for (const char* name : {"palette_50x33", "rgba_90x45", "bilevel_40x24", "grayalpha_41x29"}) {
    testing::ExpectSurvivesMutations(PreprocessFile(name), 500, RepairPngChecksums);
  }
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
