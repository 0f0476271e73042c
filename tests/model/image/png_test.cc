// DecodeImage on PNG.
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
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/image/byte_order.h"
#include "model/image/decode.h"
#include "model/image/image_limits.h"
#include "model/image/resample.h"
#include "tests/model/image/encoded_pictures.h"
#include "tests/support/cpu_timer.h"
#include "tests/support/paths.h"
#include "tests/support/safetensors_fixture.h"

namespace bayespfl {
namespace {

using testing::Encode;
using testing::ExpectedRgb;
using testing::NoisyPicture;
using ::testing::StartsWith;

using Bytes = std::vector<uint8_t>;

Bytes PreprocessFile(const std::string& name) {
  return testing::ReadFileBytes(testing::TestData("preprocess/" + name + ".png"));
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

// Signature and header chunk of a PNG; `interlace` is 1 for Adam7.
Bytes PngStart(uint32_t width, uint32_t height, uint8_t bits, uint8_t color_type, uint8_t interlace = 0) {
  Bytes png = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  Bytes header;
  Append32(header, width);
  Append32(header, height);
  header.insert(header.end(), {bits, color_type, 0, 0, interlace});
  AppendPngChunk(png, "IHDR", header);
  return png;
}

// The chunks that end a PNG, around raw scanlines, each with its filter byte.
void AppendPixels(Bytes& png, const Bytes& scanlines) {
  Bytes packed(compressBound(scanlines.size()));
  uLongf packed_size = packed.size();
  compress(packed.data(), &packed_size, scanlines.data(), scanlines.size());
  packed.resize(packed_size);
  AppendPngChunk(png, "IDAT", packed);
  AppendPngChunk(png, "IEND", {});
}

Bytes MakePng(uint32_t width, uint32_t height, uint8_t bits, uint8_t color_type, const Bytes& scanlines) {
  Bytes png = PngStart(width, height, bits, color_type);
  AppendPixels(png, scanlines);
  return png;
}

// Checks that the file is refused as damaged, without a word to the server's log.
void ExpectDamaged(const Bytes& png) {
  ::testing::internal::CaptureStderr();

  const auto image = DecodeImage(png);

  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(image.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(image.status().message()), StartsWith("damaged PNG: "));
}

TEST(Png, RefusesAHugePictureAtOnce) {
  Bytes png = PngStart(60000, 60000, 8, 2);
  AppendPngChunk(png, "IDAT", Bytes(1000));
  AppendPngChunk(png, "IEND", {});
  const testing::CpuTimer timer;

  const auto image = DecodeImage(png);

  EXPECT_EQ(image.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(image.status().message(), "image is 60000 x 60000 pixels, over the limit max_image_pixels = 100000000");
  EXPECT_LT(timer.Elapsed(), std::chrono::milliseconds(100));
}

TEST(Png, RefusesSidesThatOverflow) {
  ImageLimits limits;
  limits.max_pixels = std::numeric_limits<int64_t>::max();

  EXPECT_FALSE(DecodeImage(PngStart(0xffffffff, 0xffffffff, 8, 2), limits).ok());
  EXPECT_FALSE(DecodeImage(PngStart(0, 1, 8, 2), limits).ok());
}

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

constexpr std::array<double, 3> kMean = {0.48145466, 0.4578275, 0.40821073};
constexpr std::array<double, 3> kStd = {0.26862954, 0.26130258, 0.27577711};

// The golden picture [3, 56, 56] in 8 bits, interleaved.
// The header alone takes no memory for pixels.
TEST(Png, RejectsFewerBytesThanItsPixelsCanBeMadeOf) {
  Bytes png = PngStart(10'000, 10'000, 16, 6, 1);
  AppendPixels(png, Bytes(1000));

  EXPECT_EQ(DecodeImage(png).status(), absl::InvalidArgumentError("damaged PNG: too little data"));
}

TEST(Png, ReadsWhatDeflateMakesOfTheFewestBytes) {
  Bytes png = PngStart(3'999, 1'000, 16, 4);
  AppendPixels(png, Bytes(size_t{1'000} * (1 + 4 * 3'999)));
  ASSERT_LT(png.size(), 17'000U);

  EXPECT_TRUE(DecodeImage(png).ok());
}

Bytes Golden56(const std::string& name) {
  static const auto* golden = new std::map<std::string, testing::FixtureTensor>(
      testing::LoadSafetensors(testing::TestData("preprocess.safetensors")));
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
  ExpectDamaged(MakePng(2, 3, 8, 0, {0, 1, 2, 0, 3, 4}));
  ExpectDamaged(MakePng(2, 3, 16, 2, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}));
}

TEST(Png, RejectsAnUnknownFilterBehindCorrectChecksums) { ExpectDamaged(MakePng(2, 1, 8, 0, {9, 1, 2})); }

TEST(Png, RejectsWhatCannotBeUnpackedBehindCorrectChecksums) {
  Bytes png = PngStart(2, 1, 8, 0);
  AppendPngChunk(png, "IDAT", {1, 2, 3, 4});
  AppendPngChunk(png, "IEND", {});

  ExpectDamaged(png);
}

TEST(Png, RejectsAHeaderThatNoPngHas) {
  ExpectDamaged(MakePng(2, 1, 5, 0, {0, 1, 2}));
  ExpectDamaged(MakePng(2, 1, 8, 7, {0, 1, 2}));
  ExpectDamaged(MakePng(2, 1, 8, 3, {0, 1, 2}));  // a palette picture without a palette
}

TEST(Png, RejectsAColorThatItsPaletteLacks) {
  Bytes png = PngStart(2, 1, 8, 3);
  AppendPngChunk(png, "PLTE", {10, 20, 30, 40, 50, 60});
  Bytes outside = png;
  AppendPixels(png, {0, 1, 0});
  AppendPixels(outside, {0, 1, 2});

  EXPECT_EQ(DecodeImage(png)->pixels, (Bytes{40, 50, 60, 10, 20, 30}));
  EXPECT_EQ(DecodeImage(outside).status(),
            absl::InvalidArgumentError("damaged PNG: a pixel has a colour that the palette lacks"));
}

// A picture of 2 x 2 has pixels in three of the seven passes: (0, 0), (1, 0), and the second row.
TEST(Png, DecodesInterlacedPictures) {
  Bytes gray = PngStart(2, 2, 8, 0, /*interlace=*/1);
  AppendPixels(gray, {0, 11, 0, 22, 0, 33, 44});
  Bytes deep = PngStart(2, 2, 16, 0, /*interlace=*/1);
  AppendPixels(deep, {0, 11, 11, 0, 22, 22, 0, 33, 33, 44, 44});

  const Bytes expected = {11, 11, 11, 22, 22, 22, 33, 33, 33, 44, 44, 44};
  EXPECT_EQ(DecodeImage(gray)->pixels, expected);
  EXPECT_EQ(DecodeImage(deep)->pixels, expected);
}

// The last pass brings the middle row alone: what the others hold by then must still be there.
TEST(Png, KeepsTheRowsOfAnInterlacedDeepPictureFromPassToPass) {
  Bytes png = PngStart(3, 3, 16, 0, /*interlace=*/1);
  AppendPixels(png, {0, 10, 10,                    // pass 1: pixel 0 of row 0
                     0, 30, 30,                    // pass 4: pixel 2 of row 0
                     0, 70, 70, 90, 90,            // pass 5: pixels 0 and 2 of row 2
                     0, 20, 20, 0,  80, 80,        // pass 6: pixel 1 of rows 0 and 2
                     0, 40, 40, 50, 50, 60, 60});  // pass 7: row 1
  Bytes expected;
  for (uint8_t value = 10; value <= 90; value += 10) expected.insert(expected.end(), 3, value);

  const auto image = DecodeImage(png);

  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->pixels, expected);
}

// libpng's own limit is a million.
TEST(Png, DecodesTheLongestLine) {
  constexpr uint32_t kLongest = image_internal::kMaxSide;
  Bytes line(kLongest + 1, 7);
  line[0] = 0;

  const auto image = DecodeImage(MakePng(kLongest, 1, 8, 0, line));

  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->pixels, Bytes(size_t{3} * kLongest, 7));
}

// Rows that repeat what lies 4000 bytes back, behind a header that promises to look back 256 bytes at most.
TEST(Png, ReadsDataThatReachesBackBeyondItsAnnouncedWindow) {
  Bytes rows;
  uint32_t noise = 1;
  for (int i = 0; i < 4001; ++i) {
    noise = noise * 1664525 + 1013904223;
    rows.push_back(i == 0 ? 0 : static_cast<uint8_t>(noise >> 24));
  }
  const Bytes row = rows;
  rows.insert(rows.end(), row.begin(), row.end());
  Bytes packed(compressBound(rows.size()));
  uLongf size = packed.size();
  compress(packed.data(), &size, rows.data(), rows.size());
  packed.resize(size);
  ASSERT_LT(size, 5000U);
  packed[0] = 0x08;
  packed[1] = 0x1d;  // makes both a multiple of 31
  Bytes png = PngStart(4000, 2, 8, 0);
  AppendPngChunk(png, "IDAT", packed);
  AppendPngChunk(png, "IEND", {});

  const auto image = DecodeImage(png);

  ASSERT_TRUE(image.ok()) << image.status();
  for (size_t i = 0; i < 8000; ++i) ASSERT_EQ(image->pixels[i * 3], row[i % 4000 + 1]) << i;
}

TEST(Png, ReadsAFileThatEndsBehindItsPixels) {
  Bytes png = MakePng(1, 1, 8, 0, {0, 7});
  const size_t pixels_end = png.size() - 12;
  Bytes with_text(png.begin(), png.begin() + static_cast<std::ptrdiff_t>(pixels_end));
  AppendPngChunk(with_text, "tEXt", {'a', 0, 'b'});
  with_text.resize(with_text.size() - 3);

  EXPECT_EQ(DecodeImage(with_text)->pixels, (Bytes{7, 7, 7}));
  for (size_t size = pixels_end; size < png.size(); ++size) {
    EXPECT_EQ(DecodeImage(absl::MakeConstSpan(png).first(size))->pixels, (Bytes{7, 7, 7})) << size;
  }
}

TEST(Png, RejectsAFileThatEndsBetweenTheChunksOfItsPixels) {
  const Bytes whole = MakePng(40, 1, 8, 0, Bytes(41, 0));
  Bytes png(whole.begin(), whole.begin() + 33);
  AppendPngChunk(png, "IDAT", Bytes(whole.begin() + 41, whole.begin() + 46));

  EXPECT_EQ(DecodeImage(png).status(),
            absl::InvalidArgumentError("truncated PNG: the file ends before its last pixel"));
}

TEST(Png, ReadsEmptyAndSplitDataChunks) {
  const Bytes whole = MakePng(3, 1, 8, 0, {0, 7, 8, 9});
  const auto data = whole.begin() + 41;
  Bytes png(whole.begin(), whole.begin() + 33);
  AppendPngChunk(png, "IDAT", {});
  AppendPngChunk(png, "IDAT", Bytes(data, data + 3));
  AppendPngChunk(png, "tEXt", {'a', 0, 'b'});
  AppendPngChunk(png, "IDAT", Bytes(data + 3, whole.end() - 16));
  AppendPngChunk(png, "IDAT", {});
  AppendPngChunk(png, "IEND", {});

  EXPECT_EQ(DecodeImage(png)->pixels, (Bytes{7, 7, 7, 8, 8, 8, 9, 9, 9}));
}

TEST(Png, RefusesUnknownCriticalChunksByName) {
  Bytes png = PngStart(1, 1, 8, 0);
  AppendPngChunk(png, "CgBI", {1, 2, 3, 4});
  AppendPixels(png, {0, 7});

  EXPECT_EQ(DecodeImage(png).status(), absl::InvalidArgumentError("unsupported PNG: the critical chunk CgBI"));
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

}  // namespace
}  // namespace bayespfl
