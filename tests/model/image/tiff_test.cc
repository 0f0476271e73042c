// DecodeImage on TIFF files: hand-made ones for every variant, OpenCV's for the compression schemes.
#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <opencv2/imgcodecs.hpp>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/image/decode.h"
#include "model/image/tiff_codec.h"
#include "tests/model/image/encoded_pictures.h"

namespace bayespfl {
namespace {

using testing::Encode;
using testing::ExpectedRgb;
using ::testing::HasSubstr;
using testing::NoisyPicture;

using Bytes = std::vector<uint8_t>;

// A classic TIFF: header, directory, values of its tags, strips (or tiles).
struct TiffFile {
  bool big_endian = false;
  std::map<uint32_t, std::vector<uint32_t>> tags;  // all written as LONG
  std::vector<Bytes> blocks;
  bool tiled = false;
  bool shared = false;  // every block lies where the first one does

  // Gray, 8 bits, one uncompressed strip unless changed.
  TiffFile(uint32_t width, uint32_t height, std::vector<Bytes> data) : blocks(std::move(data)) {
    tags = {{256, {width}}, {257, {height}}, {258, {8}}, {259, {1}}, {262, {1}}, {277, {1}}};
  }

  [[nodiscard]] Bytes Build() const {
    auto all = tags;
    auto& offsets = all[tiled ? 324 : 273];
    auto& counts = all[tiled ? 325 : 279];
    for (const Bytes& block : blocks) {
      offsets.push_back(0);
      counts.push_back(static_cast<uint32_t>(block.size()));
    }
    size_t end = 8 + 2 + all.size() * 12 + 4;
    std::map<uint32_t, size_t> places;
    for (const auto& [tag, values] : all) {
      places[tag] = end;
      if (values.size() > 1) end += values.size() * 4;
    }
    for (size_t i = 0; i < blocks.size(); ++i) {
      offsets[i] = shared && i > 0 ? offsets[0] : static_cast<uint32_t>(end);
      end += shared && i > 0 ? 0 : blocks[i].size();
    }
    Bytes file = big_endian ? Bytes{'M', 'M', 0, 42} : Bytes{'I', 'I', 42, 0};
    Append(file, 8, 4);
    Append(file, static_cast<uint32_t>(all.size()), 2);
    for (const auto& [tag, values] : all) {
      Append(file, tag, 2);
      Append(file, 4, 2);
      Append(file, static_cast<uint32_t>(values.size()), 4);
      Append(file, values.size() == 1 ? values[0] : static_cast<uint32_t>(places[tag]), 4);
    }
    Append(file, 0, 4);
    for (const auto& [tag, values] : all) {
      for (size_t i = 0; values.size() > 1 && i < values.size(); ++i) Append(file, values[i], 4);
    }
    for (const Bytes& block : blocks) {
      file.insert(file.end(), block.begin(), block.end());
      if (shared) break;
    }
    return file;
  }

 private:
  void Append(Bytes& file, uint32_t value, size_t bytes) const {
    for (size_t i = 0; i < bytes; ++i) {
      file.push_back(static_cast<uint8_t>(value >> (8 * (big_endian ? bytes - 1 - i : i))));
    }
  }
};

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

void ExpectRefused(const TiffFile& file, const std::string& reason) {
  const auto image = DecodeImage(file.Build());
  EXPECT_EQ(image.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(image.status().message(), HasSubstr(reason));
}

class TiffCompressionScheme : public ::testing::TestWithParam<int> {};

TEST_P(TiffCompressionScheme, IsUndoneExactly) {
  for (const int type : {CV_8UC1, CV_8UC3, CV_8UC4, CV_16UC1, CV_16UC3}) {
    for (const int predictor : {1, 2}) {
      const cv::Mat picture = NoisyPicture(301, 203, type);

      const auto image =
          DecodeImage(Encode(".tiff", picture, {cv::IMWRITE_TIFF_COMPRESSION, GetParam(), 317, predictor}));

      ASSERT_TRUE(image.ok()) << image.status();
      EXPECT_EQ(image->pixels, ExpectedRgb(picture)) << "type " << type << ", predictor " << predictor;
    }
  }
}

TEST_P(TiffCompressionScheme, SurvivesRandomMutations) {
  testing::ExpectSurvivesMutations(
      Encode(".tiff", NoisyPicture(32, 24, CV_16UC3), {cv::IMWRITE_TIFF_COMPRESSION, GetParam()}), 1000);
}

INSTANTIATE_TEST_SUITE_P(Schemes, TiffCompressionScheme, ::testing::Values(1, 5, 8, 32773));

TEST(TiffLzw, ExpandsCodesThatAreUsedBeforeTheyAreKnown) {
  // Clear, 7, then 258 = "7 7" and 259 = "7 7 7", end.
  const std::vector<uint32_t> codes = {256, 7, 258, 259, 257};
  Bytes packed((codes.size() * 9 + 7) / 8, 0);
  for (size_t bit = 0; bit < codes.size() * 9; ++bit) {
    if ((codes[bit / 9] >> (8 - bit % 9) & 1) != 0) packed[bit / 8] |= static_cast<uint8_t>(0x80 >> bit % 8);
  }
  Bytes output(6);

  const absl::Status status =
      image_internal::DecompressTiffBlock(image_internal::TiffCompression::kLzw, packed, absl::MakeSpan(output));

  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(output, Bytes(6, 7));
}

TEST(Tiff, ReadsBothByteOrders) {
  for (const bool big_endian : {false, true}) {
    TiffFile file(2, 1, {big_endian ? Bytes{0x12, 0x34, 0xff, 0xff} : Bytes{0x34, 0x12, 0xff, 0xff}});
    file.big_endian = big_endian;
    file.tags[258] = {16};

    EXPECT_EQ(Grays(DecodeImage(file.Build())), (Bytes{18, 255})) << big_endian;  // 0x1234 / 257 = 18.1
  }
}

TEST(Tiff, UsesTheSignificantBits) {
  TiffFile file(2, 1, {{0x00, 0x08, 0x00, 0x10}});
  file.tags[258] = {16};

  EXPECT_EQ(Grays(DecodeImage(file.Build(), {}, 12)), (Bytes{128, 255}));
}

TEST(Tiff, InvertsWhiteIsZero) {
  TiffFile file(3, 1, {{0, 100, 255}});
  file.tags[262] = {0};

  EXPECT_EQ(Grays(DecodeImage(file.Build())), (Bytes{255, 155, 0}));
}

TEST(Tiff, ExpandsSmallSamplesWithRowsOnByteBorders) {
  TiffFile bilevel(3, 2, {{0xa0, 0x40}});
  bilevel.tags[258] = {1};
  TiffFile nibbles(3, 1, {{0x0f, 0x80}});
  nibbles.tags[258] = {4};

  EXPECT_EQ(Grays(DecodeImage(bilevel.Build())), (Bytes{255, 0, 255, 0, 255, 0}));
  EXPECT_EQ(Grays(DecodeImage(nibbles.Build())), (Bytes{0, 255, 136}));
}

TEST(Tiff, LooksUpPalettes) {
  TiffFile file(2, 1, {{0x40}});  // indices 0 and 1
  file.tags[258] = {1};
  file.tags[262] = {3};
  file.blocks = {{0x40}};
  file.tags[320] = {10 * 257, 40 * 257, 20 * 257, 50 * 257, 30 * 257, 60 * 257};

  EXPECT_EQ(DecodeImage(file.Build())->pixels, (Bytes{10, 20, 30, 40, 50, 60}));
}

TEST(Tiff, ReadsSeparatePlanes) {
  TiffFile file(2, 1, {{1, 2}, {3, 4}, {5, 6}, {99, 99}});
  file.tags[258] = {8, 8, 8, 8};
  file.tags[262] = {2};
  file.tags[277] = {4};
  file.tags[284] = {2};

  EXPECT_EQ(DecodeImage(file.Build())->pixels, (Bytes{1, 3, 5, 2, 4, 6}));
}

TEST(Tiff, DropsUnassociatedAlphaWithoutMultiplying) {
  TiffFile file(1, 1, {{200, 100, 50, 10}});
  file.tags[258] = {8, 8, 8, 8};
  file.tags[262] = {2};
  file.tags[277] = {4};
  file.tags[338] = {2};

  EXPECT_EQ(DecodeImage(file.Build())->pixels, (Bytes{200, 100, 50}));
}

TEST(Tiff, IgnoresItsOrientation) {
  TiffFile file(2, 1, {{1, 2}});
  file.tags[274] = {6};

  const auto image = DecodeImage(file.Build());

  EXPECT_EQ(Grays(image), (Bytes{1, 2}));
  EXPECT_EQ(image->width, 2);
}

TEST(Tiff, JoinsStripsOfWhichTheLastIsShorter) {
  TiffFile file(1, 5, {{1, 2}, {3, 4}, {5}});
  file.tags[278] = {2};

  EXPECT_EQ(Grays(DecodeImage(file.Build())), (Bytes{1, 2, 3, 4, 5}));
}

TEST(Tiff, JoinsTilesAndDropsTheirPadding) {
  constexpr uint32_t kTile = 16;
  constexpr uint32_t kWidth = 18;
  constexpr uint32_t kHeight = 17;
  constexpr uint8_t kPadding = 255;
  const auto gray = [](uint32_t x, uint32_t y) { return static_cast<uint8_t>((x + kWidth * y) % 251); };
  std::vector<Bytes> tiles(4);
  for (uint32_t i = 0; i < 4 * kTile * kTile; ++i) {
    const uint32_t tile = i / (kTile * kTile);
    const uint32_t x = tile % 2 * kTile + i % kTile;
    const uint32_t y = tile / 2 * kTile + i / kTile % kTile;
    tiles[tile].push_back(x < kWidth && y < kHeight ? gray(x, y) : kPadding);
  }
  TiffFile file(kWidth, kHeight, tiles);
  file.tiled = true;
  file.tags[322] = {kTile};
  file.tags[323] = {kTile};
  Bytes expected;
  for (uint32_t i = 0; i < kWidth * kHeight; ++i) expected.push_back(gray(i % kWidth, i / kWidth));

  EXPECT_EQ(Grays(DecodeImage(file.Build())), expected);
}

// Tiles of one pixel would let a file of 60 MB ask for 30 million decompressors.
TEST(Tiff, RejectsTilesWhoseSidesAreNoMultiplesOf16) {
  for (const auto& [width, height] : {std::pair(1U, 16U), std::pair(16U, 1U), std::pair(24U, 16U)}) {
    TiffFile file(1, 1, {Bytes(size_t{24} * 16)});
    file.tiled = true;
    file.tags[322] = {width};
    file.tags[323] = {height};

    ExpectRefused(file, "the sides must be multiples of 16");
  }
}

TEST(Tiff, ReadsTheFirstOfSeveralPages) {
  Bytes file = TiffFile(2, 1, {{1, 2}}).Build();
  const size_t tags = file[8];
  file[8 + 2 + tags * 12] = static_cast<uint8_t>(file.size());  // where the second page's directory starts
  // One tag: ImageWidth, a LONG, 65535.
  const Bytes second = {1, 0, 0, 1, 4, 0, 1, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0};
  file.insert(file.end(), second.begin(), second.end());

  EXPECT_EQ(Grays(DecodeImage(file)), (Bytes{1, 2}));
}

TEST(Tiff, RefusesWhatItDoesNotReadByName) {
  const TiffFile plain(1, 1, {Bytes(16)});
  const std::vector<std::tuple<uint32_t, std::vector<uint32_t>, std::string>> changes = {
      {339, {3}, "unsupported TIFF: floating-point samples"},
      {339, {2}, "unsupported TIFF: signed samples"},
      {258, {32}, "unsupported TIFF: 32 bits per sample"},
      {259, {7}, "unsupported TIFF: compression 7"},
      {259, {4}, "unsupported TIFF: compression 4"},
      {262, {5}, "unsupported TIFF: colour space (photometric 5)"},
      {262, {6}, "unsupported TIFF: colour space (photometric 6)"},
      {266, {2}, "unsupported TIFF: reversed bit order"},
      {277, {100}, "unsupported TIFF: 100 samples per pixel"},
      {317, {3}, "unsupported TIFF: predictor 3"},
      {262, {2}, "RGB with fewer than 3 samples"},
      {262, {3}, "its palette is missing"},
      {284, {3}, "planar configuration 3"},
      {278, {0}, "strips or tiles without size"},
      {256, {0}, "image is 0 x 1 pixels"},
  };
  for (const auto& [tag, values, reason] : changes) {
    TiffFile file = plain;
    file.tags[tag] = values;
    ExpectRefused(file, reason);
  }
}

TEST(Tiff, RefusesFloatPicturesOfOpenCv) {
  const Bytes file = Encode(".tiff", cv::Mat(4, 4, CV_32FC1, cv::Scalar(0.5)));

  EXPECT_EQ(DecodeImage(file).status(), absl::InvalidArgumentError("unsupported TIFF: floating-point samples"));
}

TEST(Tiff, RefusesBigTiffByName) {
  const Bytes file = {'I', 'I', 43, 0, 8, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0};

  EXPECT_EQ(DecodeImage(file).status(), absl::InvalidArgumentError("unsupported TIFF: BigTIFF"));
}

TEST(Tiff, RejectsStripsOutsideTheFile) {
  Bytes file = TiffFile(4, 4, {Bytes(16)}).Build();
  file.pop_back();

  EXPECT_THAT(DecodeImage(file).status().message(), HasSubstr("strip or tile 0 lies outside the file"));
}

// A run of bytes that stand for nothing may be long; if each of a million strips named it, decoding would take hours.
TEST(Tiff, RejectsCompressedStripsThatShareTheirBytes) {
  Bytes packed(1000, 0x80);  // PackBits: no operation, but for the last two
  packed[998] = 0;
  packed[999] = 7;
  TiffFile file(1, 2, {packed, packed});
  file.tags[259] = {32773};
  file.tags[278] = {1};
  EXPECT_EQ(Grays(DecodeImage(file.Build())), (Bytes{7, 7}));
  file.shared = true;

  ExpectRefused(file, "damaged or truncated TIFF: its strips or tiles overlap");
}

TEST(Tiff, ReadsUncompressedStripsThatShareTheirBytes) {
  TiffFile file(64, 64, std::vector<Bytes>(64, Bytes(64, 9)));
  file.tags[278] = {1};
  file.shared = true;

  EXPECT_EQ(Grays(DecodeImage(file.Build())), Bytes(size_t{64} * 64, 9));
}

TEST(Tiff, RejectsStripsThatAreTooShortInEveryScheme) {
  Bytes deflated(100);
  uLongf size = deflated.size();
  const Bytes half(8);
  compress(deflated.data(), &size, half.data(), half.size());
  deflated.resize(size);
  const std::vector<std::pair<uint32_t, Bytes>> cases = {
      {1, half}, {5, {0x80, 0x00, 0x00}}, {8, deflated}, {32946, deflated}, {32773, {0xf9, 0}}};
  for (const auto& [compression, data] : cases) {
    TiffFile file(4, 4, {data});
    file.tags[259] = {compression};
    ExpectRefused(file, "damaged TIFF: ");
  }
}

TEST(Tiff, RejectsAWrongDeflateChecksum) {
  Bytes deflated(100);
  uLongf size = deflated.size();
  const Bytes pixels(16, 5);
  compress(deflated.data(), &size, pixels.data(), pixels.size());
  deflated.resize(size);
  for (const uint32_t code : {8U, 32946U}) {
    TiffFile file(4, 4, {deflated});
    file.tags[259] = {code};
    EXPECT_EQ(Grays(DecodeImage(file.Build())), pixels);
    file.blocks[0].back() ^= 1;

    ExpectRefused(file, "damaged TIFF: Deflate data has a wrong checksum");
  }
}

TEST(Tiff, RejectsMissingStrips) {
  TiffFile file(1, 4, {{1}, {2}, {3}});
  file.tags[278] = {1};

  ExpectRefused(file, "missing strips");
}

TEST(Tiff, RejectsTilesFarLargerThanThePicture) {
  TiffFile file(1, 1, {Bytes(16)});
  file.tiled = true;
  file.tags[322] = {1 << 20};
  file.tags[323] = {1 << 20};

  ExpectRefused(file, "over the limit max_image_pixels");
}

TEST(Tiff, ChecksThePixelLimitInItsHeader) {
  ExpectRefused(TiffFile(60000, 60000, {Bytes(16)}), "60000 x 60000 pixels, over the limit max_image_pixels");
}

}  // namespace
}  // namespace bayespfl
