// Standing pictures upright, and finding how in their EXIF data.
#include "model/image/orientation.h"

#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <opencv2/imgcodecs.hpp>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "model/image/decode.h"
#include "tests/model/image/encoded_pictures.h"

namespace bayespfl {
namespace {

using testing::Encode;

using Bytes = std::vector<uint8_t>;

// EXIF data with nothing but the orientation.
Bytes Exif(uint8_t orientation, bool big_endian = false) {
  if (big_endian)
    return {'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0};
  return {'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0, 0, 0, 0, 0};
}

void Append(Bytes& to, const Bytes& from) { to.insert(to.end(), from.begin(), from.end()); }

// A picture of 3 x 2 pixels: 10 20 30 / 40 50 60.
cv::Mat Small() { return (cv::Mat_<uint8_t>(2, 3) << 10, 20, 30, 40, 50, 60); }

Bytes JpegWith(const Bytes& exif) {
  const Bytes jpeg = Encode(".jpg", Small());
  const auto length = static_cast<uint8_t>(2 + 6 + exif.size());
  Bytes file(jpeg.begin(), jpeg.begin() + 2);
  Append(file, {0xff, 0xe1, 0, length, 'E', 'x', 'i', 'f', 0, 0});
  Append(file, exif);
  file.insert(file.end(), jpeg.begin() + 2, jpeg.end());
  return file;
}

Bytes PngWith(const Bytes& exif) {
  constexpr std::ptrdiff_t kFirstChunk = 8 + 25;
  const Bytes png = Encode(".png", Small());
  Bytes file(png.begin(), png.begin() + kFirstChunk);
  Bytes chunk = {'e', 'X', 'I', 'f'};
  Append(chunk, exif);
  const auto checksum = static_cast<uint32_t>(crc32_z(0, chunk.data(), chunk.size()));
  Append(file, {0, 0, 0, static_cast<uint8_t>(exif.size())});
  Append(file, chunk);
  for (const int shift : {24, 16, 8, 0}) file.push_back(static_cast<uint8_t>(checksum >> shift));
  file.insert(file.end(), png.begin() + kFirstChunk, png.end());
  return file;
}

Bytes WebpWith(const Bytes& exif) {
  Bytes file = Encode(".webp", Small(), {cv::IMWRITE_WEBP_QUALITY, 101});  // over 100: lossless
  Append(file, {'E', 'X', 'I', 'F', static_cast<uint8_t>(exif.size()), 0, 0, 0});
  Append(file, exif);
  return file;
}

TEST(TurnUpright, MovesEveryPixelToItsPlace) {
  const std::vector<std::pair<int, Bytes>> upright = {
      {1, {1, 2, 3, 4, 5, 6}}, {2, {3, 2, 1, 6, 5, 4}}, {3, {6, 5, 4, 3, 2, 1}}, {4, {4, 5, 6, 1, 2, 3}},
      {5, {1, 4, 2, 5, 3, 6}}, {6, {4, 1, 5, 2, 6, 3}}, {7, {6, 3, 5, 2, 4, 1}}, {8, {3, 6, 2, 5, 1, 4}},
  };
  for (const auto& [tag, expected] : upright) {
    RgbImage stored{3, 2, {}};
    for (uint8_t i = 1; i <= 6; ++i) Append(stored.pixels, {i, static_cast<uint8_t>(i + 100), 200});

    const RgbImage image = TurnUpright(stored, OrientationFromTag(static_cast<uint64_t>(tag)));

    EXPECT_EQ(image.width, tag < 5 ? 3 : 2) << tag;
    EXPECT_EQ(image.height, tag < 5 ? 2 : 3) << tag;
    ASSERT_EQ(image.pixels.size(), stored.pixels.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(image.pixels[3 * i], expected[i]) << tag;
      EXPECT_EQ(image.pixels[3 * i + 1], expected[i] + 100) << tag;
      EXPECT_EQ(image.pixels[3 * i + 2], 200) << tag;
    }
  }
}

TEST(ExifOrientation, IsFoundInEveryFormatThatHasIt) {
  for (uint8_t tag = 1; tag <= 8; ++tag) {
    for (const bool big_endian : {false, true}) {
      const Orientation expected = OrientationFromTag(tag);
      EXPECT_EQ(ExifOrientation(JpegWith(Exif(tag, big_endian))), expected);
      EXPECT_EQ(ExifOrientation(PngWith(Exif(tag, big_endian))), expected);
      EXPECT_EQ(ExifOrientation(WebpWith(Exif(tag, big_endian))), expected);
    }
  }
}

TEST(ExifOrientation, IsFoundBehindOtherSegmentsAndFillBytes) {
  Bytes file = {0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xff, 0xff};  // a segment, then two bytes that only fill
  const Bytes rest = JpegWith(Exif(6));
  file.insert(file.end(), rest.begin() + 3, rest.end());

  EXPECT_EQ(ExifOrientation(file), Orientation::kQuarterTurn);
}

TEST(ExifOrientation, MayHaveTheMarkOfJpegInWebp) {
  Bytes exif = {'E', 'x', 'i', 'f', 0, 0};
  Append(exif, Exif(3));

  EXPECT_EQ(ExifOrientation(WebpWith(exif)), Orientation::kHalfTurn);
}

TEST(ExifOrientation, IsUprightWhereNothingOrNonsenseIsSaid) {
  EXPECT_EQ(ExifOrientation({}), Orientation::kUpright);
  EXPECT_EQ(ExifOrientation(Bytes{0xff, 0xd8}), Orientation::kUpright);
  EXPECT_EQ(ExifOrientation(Bytes{'B', 'M', 0, 0}), Orientation::kUpright);
  EXPECT_EQ(ExifOrientation(Encode(".jpg", Small())), Orientation::kUpright);
  EXPECT_EQ(ExifOrientation(Encode(".png", Small())), Orientation::kUpright);
  EXPECT_EQ(ExifOrientation(Encode(".webp", Small())), Orientation::kUpright);
  for (const uint8_t tag : Bytes{0, 9, 255}) EXPECT_EQ(ExifOrientation(JpegWith(Exif(tag))), Orientation::kUpright);
}

TEST(ExifOrientation, IsUprightWhereTheDataIsDamaged) {
  const Bytes whole = Exif(6);
  for (size_t size = 0; size < 22; ++size) {  // up to the end of its one entry
    const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(ExifOrientation(JpegWith(cut)), Orientation::kUpright) << size;
    EXPECT_EQ(ExifOrientation(PngWith(cut)), Orientation::kUpright) << size;
    EXPECT_EQ(ExifOrientation(WebpWith(cut)), Orientation::kUpright) << size;
  }
  Bytes elsewhere = whole;
  elsewhere[6] = 1;  // the directory's place
  EXPECT_EQ(ExifOrientation(JpegWith(elsewhere)), Orientation::kUpright);
  Bytes checksum = PngWith(whole);
  checksum[8 + 25 + 8 + whole.size()] ^= 1;
  EXPECT_EQ(ExifOrientation(checksum), Orientation::kUpright);
}

TEST(ExifOrientation, SurvivesEveryChangeOfOneByteAndEveryCut) {
  for (const Bytes& file : {JpegWith(Exif(6)), PngWith(Exif(6)), WebpWith(Exif(6))}) {
    for (size_t i = 0; i < file.size(); ++i) {
      for (const uint8_t value : Bytes{0x00, 0x01, 0x7f, 0xff}) {
        Bytes changed = file;
        changed[i] = value;
        ExifOrientation(changed);  // reads no byte that is not there: for sanitizers to see
      }
      ExifOrientation(absl::MakeConstSpan(file).subspan(0, i));
    }
  }
}

// The decoder leaves the picture as it is stored: whoever wants it upright asks.
TEST(ExifOrientation, DoesNotTurnWhatIsDecoded) {
  for (const Bytes& file : {JpegWith(Exif(6)), PngWith(Exif(6))}) {
    const auto stored = DecodeImage(file);
    ASSERT_TRUE(stored.ok()) << stored.status();
    EXPECT_EQ(stored->width, 3);
    const RgbImage upright = TurnUpright(*stored, ExifOrientation(file));
    EXPECT_EQ(upright.width, 2);
    EXPECT_EQ(upright.pixels[0], stored->pixels[size_t{3} * 3]);
  }
}

// A TIFF is turned already; to be turned again would lay it on its side.
TEST(ExifOrientation, OfATiffIsUpright) { EXPECT_EQ(ExifOrientation(Exif(6)), Orientation::kUpright); }

}  // namespace
}  // namespace bayespfl
