// DecodeImage on JPEG files: what counts as damage and what does not.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

// C headers that need <cstdio> before them.
#include <jpeglib.h>

#include <opencv2/imgcodecs.hpp>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/image/decode.h"
#include "model/image/jpeg.h"
#include "tests/model/image/encoded_pictures.h"
#include "tests/support/cpu_timer.h"

namespace bayespfl {
namespace {

using testing::Encode;
using ::testing::HasSubstr;
using testing::NoisyPicture;

using Bytes = std::vector<uint8_t>;

constexpr int kWidth = 48;
constexpr int kHeight = 40;

Bytes Baseline() { return Encode(".jpg", NoisyPicture(kWidth, kHeight, CV_8UC3)); }

// The position right after the marker FF `code` (searched outside of scans, where markers are unique enough).
size_t AfterMarker(const Bytes& file, uint8_t code) {
  const Bytes marker = {0xff, code};
  const auto found = std::search(file.begin(), file.end(), marker.begin(), marker.end());
  EXPECT_NE(found, file.end());
  return static_cast<size_t>(found - file.begin()) + 2;
}

// The first byte of the first scan's compressed data.
size_t ScanStart(const Bytes& file) {
  const size_t header = AfterMarker(file, 0xda);
  return header + (size_t{file[header]} << 8) + file[header + 1];
}

// Where each scan's marker is.
std::vector<size_t> ScanMarkers(const Bytes& file) {
  std::vector<size_t> markers;
  for (size_t i = 0; i + 1 < file.size(); ++i) {
    if (file[i] == 0xff && file[i + 1] == 0xda) markers.push_back(i);
  }
  return markers;
}

Bytes Insert(Bytes file, size_t at, const Bytes& inserted) {
  file.insert(file.begin() + static_cast<std::ptrdiff_t>(at), inserted.begin(), inserted.end());
  return file;
}

void ExpectDamaged(const Bytes& file) {
  const auto image = DecodeImage(file);
  EXPECT_EQ(image.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(image.status().message(), HasSubstr("damaged or truncated JPEG: "));
}

// Compresses a constant picture in libjpeg's own terms. `scans` describe a progressive file; empty: baseline.
Bytes Compress(int width, int height, J_COLOR_SPACE space, int components, const std::vector<jpeg_scan_info>& scans,
               bool arithmetic = false) {
  jpeg_compress_struct codec;
  jpeg_error_mgr errors;
  codec.err = jpeg_std_error(&errors);
  jpeg_create_compress(&codec);
  unsigned char* buffer = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&codec, &buffer, &size);
  codec.image_width = static_cast<JDIMENSION>(width);
  codec.image_height = static_cast<JDIMENSION>(height);
  codec.input_components = components;
  codec.in_color_space = space;
  jpeg_set_defaults(&codec);
  codec.arith_code = arithmetic ? TRUE : FALSE;
  if (!scans.empty()) {
    codec.scan_info = scans.data();
    codec.num_scans = static_cast<int>(scans.size());
  }
  jpeg_start_compress(&codec, TRUE);
  Bytes row(static_cast<size_t>(width * components), 100);
  for (int y = 0; y < height; ++y) {
    JSAMPROW rows = row.data();
    jpeg_write_scanlines(&codec, &rows, 1);
  }
  jpeg_finish_compress(&codec);
  jpeg_destroy_compress(&codec);
  Bytes file(buffer, buffer + size);
  std::free(buffer);
  return file;
}

// A gray progressive file whose last scan (all coefficients but the first, in full precision) is there `copies` times.
Bytes RepeatedScans(int width, int height, int copies) {
  const std::vector<jpeg_scan_info> scans = {{1, {0, 0, 0, 0}, 0, 0, 0, 0}, {1, {0, 0, 0, 0}, 1, 63, 0, 0}};
  const Bytes file = Compress(width, height, JCS_GRAYSCALE, 1, scans);
  const Bytes marker = {0xff, 0xda};
  const auto last = std::find_end(file.begin(), file.end(), marker.begin(), marker.end());
  Bytes repeated(file.begin(), last);
  for (int i = 0; i < copies; ++i) repeated.insert(repeated.end(), last, file.end() - 2);
  repeated.insert(repeated.end(), {0xff, 0xd9});
  return repeated;
}

TEST(Jpeg, DecodesLikeTheReferenceDecoderOfTheSameLibrary) {
  for (const std::vector<int>& parameters : {std::vector<int>{},
                                             {cv::IMWRITE_JPEG_PROGRESSIVE, 1},
                                             {cv::IMWRITE_JPEG_RST_INTERVAL, 2},
                                             {cv::IMWRITE_JPEG_OPTIMIZE, 1, cv::IMWRITE_JPEG_QUALITY, 30}}) {
    const Bytes file = Encode(".jpg", NoisyPicture(131, 97, CV_8UC3), parameters);

    const auto image = DecodeImage(file);

    ASSERT_TRUE(image.ok()) << image.status();
    EXPECT_EQ(image->pixels, testing::ExpectedRgb(cv::imdecode(file, cv::IMREAD_UNCHANGED)));
  }
}

TEST(Jpeg, TurnsGrayIntoRgb) {
  const Bytes file = Encode(".jpg", NoisyPicture(kWidth, kHeight, CV_8UC1));

  const auto image = DecodeImage(file);

  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->pixels, testing::ExpectedRgb(cv::imdecode(file, cv::IMREAD_UNCHANGED)));
}

TEST(Jpeg, ReadsUnconvertedRgb) {
  const auto image = DecodeImage(Compress(16, 16, JCS_RGB, 3, {}));

  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->pixels, Bytes(size_t{16} * 16 * 3, 100));
}

TEST(Jpeg, RefusesCmykByName) {
  EXPECT_EQ(DecodeImage(Compress(16, 16, JCS_CMYK, 4, {})).status(),
            absl::InvalidArgumentError("unsupported JPEG: CMYK; expected gray or RGB"));
}

TEST(Jpeg, IgnoresTheExifOrientation) {
  const Bytes exif = {0xff, 0xe1, 0, 34,   'E', 'x', 'i', 'f', 0, 0, 'M', 'M', 0, '*', 0, 0, 0, 8,
                      0,    1,    1, 0x12, 0,   3,   0,   0,   0, 1, 0,   6,   0, 0,   0, 0, 0, 0};
  const Bytes file = Baseline();
  const Bytes turned = Insert(file, 2, exif);
  ASSERT_EQ(cv::imdecode(turned, cv::IMREAD_COLOR).cols, kHeight) << "the orientation tag is not understood";

  const auto image = DecodeImage(turned);

  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->width, kWidth);
  EXPECT_EQ(image->pixels, DecodeImage(file)->pixels);
}

TEST(Jpeg, ReadsAPictureWithoutEndMarkerWhenEveryScanIsThere) {
  const cv::Mat picture = NoisyPicture(kWidth, kHeight, CV_8UC3);
  for (const std::vector<int>& parameters :
       {std::vector<int>{}, {cv::IMWRITE_JPEG_PROGRESSIVE, 1}, {cv::IMWRITE_JPEG_RST_INTERVAL, 2}}) {
    const Bytes file = Encode(".jpg", picture, parameters);
    const Bytes pixels = DecodeImage(file)->pixels;
    for (const size_t missing : {1U, 2U}) {
      const auto image = DecodeImage(absl::MakeConstSpan(file).first(file.size() - missing));
      ASSERT_TRUE(image.ok()) << image.status();
      EXPECT_EQ(image->pixels, pixels);
    }
    ExpectDamaged(Bytes(file.begin(), file.end() - 3));
  }
}

TEST(Jpeg, RejectsAProgressiveFileThatEndsBetweenItsScans) {
  const Bytes file = Encode(".jpg", NoisyPicture(kWidth, kHeight, CV_8UC3), {cv::IMWRITE_JPEG_PROGRESSIVE, 1});
  const std::vector<size_t> scans = ScanMarkers(file);
  ASSERT_GT(scans.size(), 4U);
  for (size_t i = 1; i < scans.size(); ++i) {
    ExpectDamaged(Bytes(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(scans[i])));
  }
}

// One scan for each component; the library would fill what is missing with gray.
TEST(Jpeg, RejectsAComponentWithoutScan) {
  const std::vector<jpeg_scan_info> components = {
      {1, {0, 0, 0, 0}, 0, 63, 0, 0}, {1, {1, 0, 0, 0}, 0, 63, 0, 0}, {1, {2, 0, 0, 0}, 0, 63, 0, 0}};
  const Bytes file = Compress(16, 16, JCS_RGB, 3, components);
  const std::vector<size_t> scans = ScanMarkers(file);
  ASSERT_EQ(scans.size(), 3U);
  EXPECT_EQ(DecodeImage(file)->pixels, Bytes(size_t{16} * 16 * 3, 100));
  EXPECT_EQ(DecodeImage(absl::MakeConstSpan(file).first(file.size() - 2))->pixels, Bytes(size_t{16} * 16 * 3, 100));

  Bytes cut(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(scans[2]));
  ExpectDamaged(cut);
  cut.insert(cut.end(), {0xff, 0xd9});
  EXPECT_EQ(DecodeImage(cut).status(),
            absl::InvalidArgumentError("damaged or truncated JPEG: a component has no scan"));
}

TEST(Jpeg, ReadsArithmeticCodesUpToTheirEndMarker) {
  const Bytes file = Compress(16, 16, JCS_RGB, 3, {}, /*arithmetic=*/true);
  ASSERT_EQ(DecodeImage(file)->pixels, Bytes(size_t{16} * 16 * 3, 100));

  // A decoder takes what is missing for zeros, which these codes may leave out.
  for (size_t size = 0; size + 1 < file.size(); ++size) {
    ExpectDamaged(size < 3 ? Bytes{0xff, 0xd8, 0xff}
                           : Bytes(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size)));
  }
}

TEST(Jpeg, RefusesOtherKindsByName) {
  const auto refusal = [](size_t offset, const Bytes& bytes) {
    Bytes file = Baseline();
    std::copy(bytes.begin(), bytes.end(),
              file.begin() + static_cast<std::ptrdiff_t>(AfterMarker(file, 0xc0) + offset - 1));
    return std::string(DecodeImage(file).status().message());
  };
  // From the marker's code on: length, precision, height, width.
  EXPECT_EQ(refusal(0, {0xc3}), "unsupported JPEG: lossless");
  EXPECT_EQ(refusal(0, {0xcb}), "unsupported JPEG: lossless");
  EXPECT_EQ(refusal(0, {0xc5}), "unsupported JPEG: hierarchical");
  EXPECT_EQ(refusal(0, {0xf7}), "unsupported JPEG: JPEG-LS");
  EXPECT_EQ(refusal(3, {12}), "unsupported JPEG: 12 bits per sample; expected 8");
  EXPECT_EQ(refusal(4, {0, 0}), "unsupported JPEG: its height stands behind its rows (DNL)");
  EXPECT_THAT(refusal(6, {0, 0}), HasSubstr("damaged or truncated JPEG"));
  EXPECT_EQ(DecodeImage(Compress(16, 16, JCS_UNKNOWN, 2, {})).status().message(),
            "unsupported JPEG: 2 components; expected gray or RGB");
}

// As some scanners write it: an abbreviated stream with the tables, then one with the picture.
TEST(Jpeg, ReadsTablesInAStreamOfTheirOwn) {
  const Bytes file = Baseline();
  const auto tables = file.begin() + static_cast<std::ptrdiff_t>(AfterMarker(file, 0xdb) - 2);
  const auto frame = file.begin() + static_cast<std::ptrdiff_t>(AfterMarker(file, 0xc0) - 2);
  Bytes two = {0xff, 0xd8};
  two.insert(two.end(), tables, frame);
  two.insert(two.end(), {0xff, 0xd9, 0xff, 0xd8});
  const Bytes only_tables(two.begin(), two.end() - 2);
  two.insert(two.end(), frame, file.end());

  EXPECT_EQ(DecodeImage(two)->pixels, DecodeImage(file)->pixels);
  ExpectDamaged(only_tables);
  ExpectDamaged(Bytes(only_tables.begin(), only_tables.end() - 2));
}

TEST(Jpeg, ReadsTheFirstOfSeveralPictures) {
  const Bytes first = Baseline();
  const Bytes second = Encode(".jpg", NoisyPicture(8, 8, CV_8UC1));

  EXPECT_EQ(DecodeImage(Insert(first, first.size(), second))->pixels, DecodeImage(first)->pixels);
}

// Frames of a motion JPEG, as cameras on USB send them.
TEST(Jpeg, ReadsAFrameWithoutItsUsualHuffmanTables) {
  const Bytes file = Baseline();
  const auto tables = file.begin() + static_cast<std::ptrdiff_t>(AfterMarker(file, 0xc4) - 2);
  const auto scan = file.begin() + static_cast<std::ptrdiff_t>(AfterMarker(file, 0xda) - 2);
  Bytes without(file.begin(), tables);
  without.insert(without.end(), scan, file.end());

  EXPECT_EQ(DecodeImage(without)->pixels, DecodeImage(file)->pixels);
}

TEST(Jpeg, RejectsAScanThatEndsEarlyInFrontOfTheEndMarker) {
  Bytes file = Baseline();
  file.resize((ScanStart(file) + file.size()) / 2);
  file.insert(file.end(), {0xff, 0xd9});

  ExpectDamaged(file);
}

TEST(Jpeg, RejectsAnImpossibleHuffmanCode) {
  Bytes file = Baseline();
  // Sixteen one bits are never a code; FF is followed by a stuffed 00.
  for (size_t i = ScanStart(file) + 100; i < ScanStart(file) + 140; i += 2) {
    file[i] = 0xff;
    file[i + 1] = 0x00;
  }

  ExpectDamaged(file);
}

TEST(Jpeg, RejectsALostRestartInterval) {
  Bytes file = Encode(".jpg", NoisyPicture(kWidth, kHeight, CV_8UC3), {cv::IMWRITE_JPEG_RST_INTERVAL, 1});
  const size_t first = AfterMarker(file, 0xd0);
  const size_t second = AfterMarker(file, 0xd1);
  file.erase(file.begin() + static_cast<std::ptrdiff_t>(first), file.begin() + static_cast<std::ptrdiff_t>(second));

  ExpectDamaged(file);
}

TEST(Jpeg, RejectsAProgressiveFileWithoutOneOfItsRefinements) {
  // The first coefficient comes in three scans of one more bit each, the others in a fourth.
  const std::vector<jpeg_scan_info> scans = {{1, {0, 0, 0, 0}, 0, 0, 0, 2},
                                             {1, {0, 0, 0, 0}, 0, 0, 2, 1},
                                             {1, {0, 0, 0, 0}, 0, 0, 1, 0},
                                             {1, {0, 0, 0, 0}, 1, 63, 0, 0}};
  const Bytes file = Compress(16, 16, JCS_GRAYSCALE, 1, scans);
  ASSERT_TRUE(DecodeImage(file).ok());
  const std::vector<size_t> markers = ScanMarkers(file);
  ASSERT_EQ(markers.size(), 4U);
  Bytes without = file;
  without.erase(without.begin() + static_cast<std::ptrdiff_t>(markers[1]),
                without.begin() + static_cast<std::ptrdiff_t>(markers[2]));

  ExpectDamaged(without);
}

TEST(Jpeg, AcceptsStrayBytesBeforeAMarker) {
  const Bytes file = Baseline();
  const Bytes stray = {1, 2, 3, 4, 5};

  // Before the first table, and between the scan and the end marker.
  const auto early = DecodeImage(Insert(file, AfterMarker(file, 0xdb) - 2, stray));
  const auto late = DecodeImage(Insert(file, file.size() - 2, stray));

  ASSERT_TRUE(early.ok()) << early.status();
  EXPECT_EQ(early->pixels, DecodeImage(file)->pixels);
  ASSERT_TRUE(late.ok()) << late.status();
  EXPECT_EQ(late->pixels, DecodeImage(file)->pixels);
}

TEST(Jpeg, AcceptsBytesAfterItsEnd) {
  const Bytes file = Baseline();

  EXPECT_TRUE(DecodeImage(Insert(file, file.size(), Bytes(1000, 0))).ok());
}

TEST(Jpeg, AcceptsALaterJfifVersionAndAnUnknownAdobeTransform) {
  Bytes later = Baseline();
  later[AfterMarker(later, 0xe0) + 7] = 2;  // length, "JFIF\0", major version
  const Bytes adobe = {0xff, 0xee, 0, 14, 'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0, 9};

  EXPECT_TRUE(DecodeImage(later).ok());
  EXPECT_TRUE(DecodeImage(Insert(Baseline(), 2, adobe)).ok());
}

TEST(Jpeg, AcceptsZeroSpectralBoundsInASequentialScan) {
  Bytes file = Baseline();
  const size_t start = ScanStart(file);
  ASSERT_EQ(file[start - 2], 63);
  file[start - 2] = 0;

  EXPECT_EQ(DecodeImage(file)->pixels, DecodeImage(Baseline())->pixels);
}

TEST(Jpeg, RejectsTooManyScans) {
  ASSERT_TRUE(DecodeImage(RepeatedScans(64, 64, 100)).ok());

  const auto image = DecodeImage(RepeatedScans(64, 64, image_internal::kMaxJpegScans));

  EXPECT_EQ(image.status(), absl::InvalidArgumentError("damaged or truncated JPEG: too many scans for its size"));
}

TEST(Jpeg, RejectsFewerScansOfALargePicture) {
  const Bytes file = RepeatedScans(8000, 8000, 100);
  EXPECT_LT(file.size(), 300'000U);
  const testing::CpuTimer timer;

  const auto image = DecodeImage(file);

  EXPECT_EQ(image.status(), absl::InvalidArgumentError("damaged or truncated JPEG: too many scans for its size"));
  EXPECT_LT(timer.Elapsed(), std::chrono::seconds(20));
}

// The header alone takes no memory for pixels.
TEST(Jpeg, RejectsFewerBytesThanItsBlocksTake) {
  Bytes file = Compress(64, 64, JCS_GRAYSCALE, 1, {});
  const size_t frame = AfterMarker(file, 0xc0);  // length, precision, height, width
  for (const size_t side : {3U, 5U}) {
    file[frame + side] = 0x20;  // 8192 + 64 pixels
  }

  EXPECT_EQ(DecodeImage(file).status(),
            absl::InvalidArgumentError("damaged or truncated JPEG: too little data for its size"));
}

TEST(Jpeg, ReadsWhatTakesTheFewestBytes) {
  const std::vector<jpeg_scan_info> scans = {{1, {0, 0, 0, 0}, 0, 0, 0, 0}, {1, {0, 0, 0, 0}, 1, 63, 0, 0}};
  const Bytes file = Compress(4096, 4096, JCS_GRAYSCALE, 1, scans);

  EXPECT_TRUE(DecodeImage(file).ok());
}

TEST(Jpeg, ChecksThePixelLimitInItsHeader) {
  Bytes file = Baseline();
  const size_t frame = AfterMarker(file, 0xc0);  // length, precision, height, width
  std::fill_n(file.begin() + static_cast<std::ptrdiff_t>(frame) + 3, 4, uint8_t{0xea});

  EXPECT_THAT(DecodeImage(file).status().message(), HasSubstr("60138 x 60138 pixels, over the limit max_image_pixels"));
}

}  // namespace
}  // namespace bayespfl
