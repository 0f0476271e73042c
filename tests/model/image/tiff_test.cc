// DecodeImage on TIFF files: hand-made ones for every variant, OpenCV's for the compression schemes.
#include <zlib.h>

#include <algorithm>
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

// What a file says of the size of its strips.
enum class ByteCounts { kRight, kAbsent, kZero, kTooLarge };

// A TIFF: header, directory, values of its tags, strips (or tiles).
struct TiffFile {
  bool big_endian = false;
  bool big_tiff = false;
  std::map<uint32_t, std::vector<uint32_t>> tags;  // all written as LONG
  std::map<uint32_t, Bytes> bytes;                 // written as UNDEFINED
  std::vector<Bytes> blocks;
  bool tiled = false;
  bool shared = false;  // every block lies where the first one does
  ByteCounts counts = ByteCounts::kRight;

  // Gray, 8 bits, one uncompressed strip unless changed.
  TiffFile(uint32_t width, uint32_t height, std::vector<Bytes> data) : blocks(std::move(data)) {
    tags = {{256, {width}}, {257, {height}}, {258, {8}}, {259, {1}}, {262, {1}}, {277, {1}}};
  }

  [[nodiscard]] Bytes Build() const {
    std::map<uint32_t, Values> all = AllValues();
    size_t end = header_bytes() + count_bytes() + all.size() * entry_bytes() + word_bytes();
    std::map<uint32_t, size_t> places;
    for (const auto& [tag, values] : all) {
      places[tag] = end;
      if (values.data.size() > word_bytes()) end += values.data.size();
    }
    Values offsets{.type = 4, .count = blocks.size(), .data = {}};
    for (size_t i = 0, at = end; i < blocks.size(); ++i) {
      Append(offsets.data, shared ? end : at, 4);
      at += blocks[i].size();
    }
    all[offsets_tag()] = offsets;
    Bytes file = big_endian ? Bytes{'M', 'M'} : Bytes{'I', 'I'};
    Append(file, big_tiff ? 43 : 42, 2);
    if (big_tiff) Append(file, 8, 2);
    if (big_tiff) Append(file, 0, 2);
    Append(file, header_bytes(), word_bytes());
    Append(file, all.size(), count_bytes());
    for (const auto& [tag, values] : all) {
      Append(file, tag, 2);
      Append(file, values.type, 2);
      Append(file, values.count, word_bytes());
      Bytes value = values.data;
      if (value.size() > word_bytes()) {
        value.clear();
        Append(value, places[tag], word_bytes());
      }
      value.resize(word_bytes());
      file.insert(file.end(), value.begin(), value.end());
    }
    Append(file, 0, word_bytes());
    for (const auto& [tag, values] : all) {
      if (values.data.size() > word_bytes()) file.insert(file.end(), values.data.begin(), values.data.end());
    }
    for (const Bytes& block : blocks) {
      file.insert(file.end(), block.begin(), block.end());
      if (shared) break;
    }
    return file;
  }

 private:
  struct Values {
    uint32_t type;
    size_t count;
    Bytes data;
  };

  [[nodiscard]] size_t word_bytes() const { return big_tiff ? 8 : 4; }
  [[nodiscard]] size_t header_bytes() const { return big_tiff ? 16 : 8; }
  [[nodiscard]] size_t count_bytes() const { return big_tiff ? 8 : 2; }
  [[nodiscard]] size_t entry_bytes() const { return 4 + 2 * word_bytes(); }
  [[nodiscard]] uint32_t offsets_tag() const { return tiled ? 324 : 273; }

  // Of the offsets only their number is right yet.
  [[nodiscard]] std::map<uint32_t, Values> AllValues() const {
    auto longs = tags;
    longs[offsets_tag()] = std::vector<uint32_t>(blocks.size());
    if (counts != ByteCounts::kAbsent) {
      for (const Bytes& block : blocks) {
        longs[tiled ? 325 : 279].push_back(counts == ByteCounts::kZero       ? 0
                                           : counts == ByteCounts::kTooLarge ? 1'000'000
                                                                             : static_cast<uint32_t>(block.size()));
      }
    }
    std::map<uint32_t, Values> all;
    for (const auto& [tag, values] : longs) {
      Values& written = all[tag] = {.type = 4, .count = values.size(), .data = {}};
      for (const uint32_t value : values) Append(written.data, value, 4);
    }
    for (const auto& [tag, values] : bytes) all[tag] = {.type = 7, .count = values.size(), .data = values};
    return all;
  }

  void Append(Bytes& file, uint64_t value, size_t width) const {
    for (size_t i = 0; i < width; ++i) {
      file.push_back(static_cast<uint8_t>(value >> (8 * (big_endian ? width - 1 - i : i))));
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

// Some writers put values of 8 bits where 16 belong.
TEST(Tiff, TakesAPaletteWithoutLargeValuesForOneOf8Bits) {
  TiffFile file(2, 1, {{0x40}});  // indices 0 and 1
  file.tags[258] = {1};
  file.tags[262] = {3};
  file.tags[320] = {10, 40, 20, 50, 30, 255};

  EXPECT_EQ(DecodeImage(file.Build())->pixels, (Bytes{10, 20, 30, 40, 50, 255}));
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

// The stored picture is "1 2 3 / 4 5 6"; what TIFF 6.0 says of each value of the tag, drawn by hand.
TEST(Tiff, IsTurnedByItsOrientation) {
  struct Case {
    uint32_t tag;
    int width;
    Bytes upright;
  };
  const std::vector<Case> cases = {
      {1, 3, {1, 2, 3, 4, 5, 6}}, {2, 3, {3, 2, 1, 6, 5, 4}}, {3, 3, {6, 5, 4, 3, 2, 1}}, {4, 3, {4, 5, 6, 1, 2, 3}},
      {5, 2, {1, 4, 2, 5, 3, 6}}, {6, 2, {4, 1, 5, 2, 6, 3}}, {7, 2, {6, 3, 5, 2, 4, 1}}, {8, 2, {3, 6, 2, 5, 1, 4}},
      {0, 3, {1, 2, 3, 4, 5, 6}}, {9, 3, {1, 2, 3, 4, 5, 6}},
  };
  for (const Case& expected : cases) {
    TiffFile file(3, 2, {{1, 2, 3, 4, 5, 6}});
    file.tags[274] = {expected.tag};

    const auto image = DecodeImage(file.Build());

    EXPECT_EQ(Grays(image), expected.upright) << expected.tag;
    EXPECT_EQ(image->width, expected.width) << expected.tag;
    EXPECT_EQ(image->height, 6 / expected.width) << expected.tag;
  }
}

TEST(Tiff, IsTurnedByItsXmpPacketWhereTheTagIsAbsent) {
  for (const std::string said : {"<x tiff:Orientation=\"8\"/>", "<tiff:Orientation>8</tiff:Orientation>"}) {
    TiffFile file(3, 1, {{1, 2, 3}});
    file.bytes[700] = Bytes(said.begin(), said.end());
    EXPECT_EQ(DecodeImage(file.Build())->height, 3) << said;

    file.tags[274] = {1};
    EXPECT_EQ(DecodeImage(file.Build())->height, 1) << said;
  }
}

TEST(Tiff, RefusesThumbnailsAndMasksThatComeFirst) {
  const std::vector<std::tuple<uint32_t, uint32_t, std::string>> kinds = {
      {254, 1, "reduced copy"}, {254, 3, "reduced copy"}, {255, 2, "reduced copy"}, {254, 4, "transparency mask"}};
  for (const auto& [tag, value, reason] : kinds) {
    TiffFile file(2, 1, {{1, 2}});
    file.tags[tag] = {value};
    ExpectRefused(file, "unsupported TIFF: its first page says that it is a " + reason);
  }
  TiffFile page(2, 1, {{1, 2}});
  page.tags[254] = {2};  // one page of several
  page.tags[255] = {1};
  EXPECT_EQ(Grays(DecodeImage(page.Build())), (Bytes{1, 2}));
}

TEST(Tiff, RefusesGraysOfWhichNobodySaysWhichIsThePicture) {
  TiffFile colors(1, 1, {{1, 2, 3}});
  colors.tags[277] = {3};
  ExpectRefused(colors, "unsupported TIFF: 3 samples per pixel with photometric \"black is zero\"");
  colors.tags[338] = {2, 2};  // both others alpha: still no gray picture
  ExpectRefused(colors, "3 samples per pixel");
  TiffFile channels(1, 1, {{1, 2}});
  channels.tags[277] = {2};
  ExpectRefused(channels, "2 samples per pixel");
  channels.tags[338] = {2};  // alpha
  EXPECT_EQ(Grays(DecodeImage(channels.Build())), Bytes{1});
}

// Stored is colour * alpha / 255; as the reference's loader, rounded down and black where alpha is 0.
TEST(Tiff, DividesColorsByAnAlphaThatTheyWereMultipliedBy) {
  TiffFile file(3, 1, {{50, 25, 130, 128, 9, 9, 9, 0, 7, 8, 9, 255}});
  file.tags[258] = {8, 8, 8, 8};
  file.tags[262] = {2};
  file.tags[277] = {4};
  file.tags[338] = {1};

  EXPECT_EQ(DecodeImage(file.Build())->pixels, (Bytes{99, 49, 255, 0, 0, 0, 7, 8, 9}));
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

TEST(Tiff, ReadsTilesWhoseSidesAreNoMultiplesOf16) {
  // 3 x 3 pixels in tiles of 2 x 2; 0 pads.
  TiffFile file(3, 3, {{1, 2, 4, 5}, {3, 0, 6, 0}, {7, 8, 0, 0}, {9, 0, 0, 0}});
  file.tiled = true;
  file.tags[322] = {2};
  file.tags[323] = {2};

  EXPECT_EQ(Grays(DecodeImage(file.Build())), (Bytes{1, 2, 3, 4, 5, 6, 7, 8, 9}));
}

// Each costs a decompressor of its own, however few bytes it has.
TEST(Tiff, RefusesMoreTilesThanALongestPictureHasRows) {
  TiffFile file(2048, 1024, {Bytes(16)});
  file.tiled = true;
  file.tags[322] = {1};
  file.tags[323] = {1};

  ExpectRefused(file, "unsupported TIFF: 2097152 tiles of 1 x 1 pixels; at most 1048576 tiles are read");
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
      {259, {4}, "unsupported TIFF: CCITT fax compression"},
      {259, {6}, "unsupported TIFF: old-style JPEG compression"},
      {259, {34712}, "unsupported TIFF: JPEG 2000 compression"},
      {259, {34887}, "unsupported TIFF: LERC compression"},
      {259, {34925}, "unsupported TIFF: LZMA compression"},
      {259, {50000}, "unsupported TIFF: Zstandard compression"},
      {259, {50001}, "unsupported TIFF: WebP compression"},
      {259, {77}, "unsupported TIFF: compression 77"},
      {262, {4}, "unsupported TIFF: a transparency mask"},
      {262, {5}, "unsupported TIFF: CMYK colours"},
      {262, {6}, "unsupported TIFF: YCbCr colours without JPEG compression"},
      {262, {8}, "unsupported TIFF: Lab colours"},
      {262, {32803}, "unsupported TIFF: raw sensor samples"},
      {262, {99}, "unsupported TIFF: colour space (photometric 99)"},
      {266, {3}, "fill order 3"},
      {277, {100}, "unsupported TIFF: 100 samples per pixel"},
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

TEST(Tiff, RefusesFilesThatDoNotSayWhetherZeroIsBlack) {
  TiffFile file(1, 1, {{1}});
  file.tags.erase(262);

  ExpectRefused(file, "unsupported TIFF: no PhotometricInterpretation");
}

TEST(Tiff, RefusesSamplesOfUnequalBits) {
  TiffFile file(1, 1, {Bytes(16)});
  file.tags[258] = {8, 16, 8};
  file.tags[262] = {2};
  file.tags[277] = {3};

  ExpectRefused(file, "unsupported TIFF: samples of unequal bits");
}

TEST(Tiff, RefusesPredictorsThatItDoesNotKnow) {
  TiffFile file(1, 1, {Bytes(16)});
  file.tags[259] = {8};
  file.tags[317] = {3};
  ExpectRefused(file, "unsupported TIFF: predictor 3");
  file.tags[317] = {2};
  file.tags[258] = {4};
  ExpectRefused(file, "unsupported TIFF: predictor 2 with 4 bits per sample");
}

TEST(Tiff, ReadsBigTiffInBothByteOrders) {
  for (const bool big_endian : {false, true}) {
    TiffFile file(2, 2, {{1, 2}, {3, 4}});
    file.big_endian = big_endian;
    file.big_tiff = true;
    file.tags[278] = {1};

    EXPECT_EQ(Grays(DecodeImage(file.Build())), (Bytes{1, 2, 3, 4})) << big_endian;
  }
}

TEST(Tiff, RefusesBigTiffThatIsCutOrHasOtherOffsets) {
  TiffFile file(2, 1, {{1, 2}});
  file.big_tiff = true;
  Bytes odd = file.Build();
  odd[4] = 4;
  EXPECT_THAT(DecodeImage(odd).status().message(), HasSubstr("offsets of 4 bytes; expected 8"));
  Bytes cut = file.Build();
  cut.resize(12);
  EXPECT_THAT(DecodeImage(cut).status().message(), HasSubstr("ends inside its header"));
}

TEST(Tiff, ReadsSamplesOfAnyWidthByTheirOwnRange) {
  // 12 bits: 0, 4095, 2048, one row of 36 bits; 255 * 2048 / 4095 = 127.5.. is 128.
  TiffFile twelve(3, 1, {{0x00, 0x0f, 0xff, 0x80, 0x00}});
  twelve.tags[258] = {12};
  EXPECT_EQ(Grays(DecodeImage(twelve.Build())), (Bytes{0, 255, 128}));
  // 10 bits: 1023, 512.
  TiffFile ten(2, 1, {{0xff, 0xe0, 0x00}});
  ten.tags[258] = {10};
  EXPECT_EQ(Grays(DecodeImage(ten.Build())), (Bytes{255, 128}));
}

TEST(Tiff, ReadsEitherBitOrder) {
  TiffFile bilevel(3, 1, {{0x05}});
  bilevel.tags[258] = {1};
  bilevel.tags[266] = {2};
  TiffFile grays(2, 1, {{0x01, 0xc0}});
  grays.tags[266] = {2};

  EXPECT_EQ(Grays(DecodeImage(bilevel.Build())), (Bytes{255, 0, 255}));
  EXPECT_EQ(Grays(DecodeImage(grays.Build())), (Bytes{0x80, 0x03}));
}

TEST(Tiff, ReadsUncompressedStripsWithoutTheirByteCounts) {
  TiffFile file(2, 3, {{1, 2}, {3, 4}, {5, 6}});
  file.tags[278] = {1};
  for (const auto counts : {ByteCounts::kAbsent, ByteCounts::kZero, ByteCounts::kTooLarge}) {
    file.counts = counts;
    EXPECT_EQ(Grays(DecodeImage(file.Build())), (Bytes{1, 2, 3, 4, 5, 6})) << static_cast<int>(counts);
  }
}

TEST(Tiff, ReadsCompressedStripsWithoutTheirByteCounts) {
  TiffFile file(2, 2, {{1, 1, 2}, {1, 3, 4}});  // PackBits: two bytes as they are
  file.tags[259] = {32773};
  file.tags[278] = {1};
  for (const auto counts : {ByteCounts::kAbsent, ByteCounts::kZero}) {
    file.counts = counts;
    EXPECT_EQ(Grays(DecodeImage(file.Build())), (Bytes{1, 2, 3, 4})) << static_cast<int>(counts);
  }
}

// Each reaches to the next one, not to the end of the file: that many bytes would be said to overlap.
TEST(Tiff, ReadsManyCompressedStripsWithoutTheirByteCounts) {
  Bytes packed(65, 9);  // PackBits: 64 bytes as they are
  packed[0] = 63;
  TiffFile file(64, 64, std::vector<Bytes>(64, packed));
  file.tags[259] = {32773};
  file.tags[278] = {1};
  file.counts = ByteCounts::kAbsent;

  EXPECT_EQ(Grays(DecodeImage(file.Build())), Bytes(size_t{64} * 64, 9));
}

TEST(Tiff, SkipsForeignTagsWhoseValuesLieOutsideTheFile) {
  TiffFile file(2, 1, {{1, 2}});
  file.tags[305] = {1, 2};  // Software
  Bytes bytes = file.Build();
  // Its entry is the last but for none with a higher number: 12 bytes before the next directory's place.
  const size_t entry = 8 + 2 + size_t{bytes[8]} * 12 - 12;
  ASSERT_EQ(bytes[entry] + 256 * bytes[entry + 1], 305);
  bytes[entry + 10] = 0xff;  // the third byte of the values' place

  EXPECT_EQ(Grays(DecodeImage(bytes)), (Bytes{1, 2}));
}

TEST(Tiff, SkipsByteCountsAndXmpOutsideTheFile) {
  TiffFile counts(2, 2, {{1, 2}, {3, 4}});  // their tag has the highest number
  counts.tags[278] = {1};
  TiffFile xmp = counts;
  xmp.bytes[700] = Bytes(20, ' ');
  for (const TiffFile& file : {counts, xmp}) {
    Bytes bytes = file.Build();
    bytes[8 + 2 + size_t{bytes[8]} * 12 - 2] = 0xff;  // the third byte of the last tag's place

    EXPECT_EQ(Grays(DecodeImage(bytes)), (Bytes{1, 2, 3, 4}));
  }
}

TEST(Tiff, RejectsTagsThatItNeedsOutsideTheFile) {
  TiffFile file(2, 1, {{1, 2}});
  file.tags[339] = {1, 1};  // SampleFormat, the highest number
  Bytes bytes = file.Build();
  bytes[8 + 2 + size_t{bytes[8]} * 12 - 2] = 0xff;

  EXPECT_THAT(DecodeImage(bytes).status().message(), HasSubstr("the values of tag 339 lie outside the file"));
}

TEST(Tiff, ReadsFilesThatEndWithTheirLastTag) {
  // Header, strip, directory without the place of the next one.
  Bytes bytes = {'I', 'I', 42, 0, 10, 0, 0, 0, 1, 2, 6, 0};
  for (const auto& [tag, value] : std::map<uint8_t, uint8_t>{{0, 2}, {1, 1}, {2, 8}, {6, 1}, {17, 8}, {23, 2}}) {
    const Bytes entry = {tag, 1, 4, 0, 1, 0, 0, 0, value, 0, 0, 0};  // tags 256 to 279
    bytes.insert(bytes.end(), entry.begin(), entry.end());
  }
  EXPECT_EQ(Grays(DecodeImage(bytes)), (Bytes{1, 2}));
  bytes.pop_back();

  EXPECT_THAT(DecodeImage(bytes).status().message(), HasSubstr("ends inside its directory"));
}

TEST(Tiff, RefusesSparseFiles) {
  Bytes bytes = TiffFile(2, 1, {{1, 2}}).Build();
  const size_t entry = 8 + 2 + size_t{5} * 12;
  ASSERT_EQ(bytes[entry] + 256 * bytes[entry + 1], 273);
  bytes[entry + 8] = 0;

  EXPECT_THAT(DecodeImage(bytes).status().message(), HasSubstr("strip or tile 0 is left out"));
}

TEST(Tiff, RefusesFloatPicturesOfOpenCv) {
  const Bytes file = Encode(".tiff", cv::Mat(4, 4, CV_32FC1, cv::Scalar(0.5)));

  EXPECT_EQ(DecodeImage(file).status(), absl::InvalidArgumentError("unsupported TIFF: floating-point samples"));
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

// A writer may store blocks that are alike once.
TEST(Tiff, ReadsCompressedStripsThatAreStoredOnce) {
  Bytes packed(65, 9);  // PackBits: 64 bytes as they are
  packed[0] = 63;
  TiffFile file(64, 64, std::vector<Bytes>(64, packed));
  file.tags[259] = {32773};
  file.tags[278] = {1};
  file.shared = true;
  ASSERT_LT(file.Build().size(), 64 * packed.size());

  EXPECT_EQ(Grays(DecodeImage(file.Build())), Bytes(size_t{64} * 64, 9));
}

// No memory is taken for a strip that cannot be there.
TEST(Tiff, RejectsStripsOfFewerBytesThanTheirPixelsCanBeMadeOf) {
  for (const uint32_t compression : {5U, 8U, 32946U, 32773U}) {
    TiffFile file(10'000, 10'000, {Bytes(100, 1)});
    file.tags[259] = {compression};
    ExpectRefused(file, "strip or tile 0 has 100 bytes, too few for its 100000000 bytes of pixels");
  }
}

TEST(Tiff, ReadsWhatEachSchemeCanMakeOfTheFewestBytes) {
  Bytes zeros(1'000'000);
  Bytes deflated(2'000);
  uLongf size = deflated.size();
  compress2(deflated.data(), &size, zeros.data(), zeros.size(), 9);
  deflated.resize(size);
  Bytes packed;
  for (int i = 0; i < 10'000; ++i) packed.insert(packed.end(), {0x81, 0});  // 128 bytes each
  for (const auto& [compression, data, pixels] :
       {std::tuple{8U, deflated, 1'000'000U}, std::tuple{32773U, packed, 1'280'000U}}) {
    TiffFile file(1'000, pixels / 1'000, {data});
    file.tags[259] = {compression};
    EXPECT_EQ(Grays(DecodeImage(file.Build())), Bytes(pixels));
  }
}

TEST(TiffLzw, RefusesTheBitOrderOfOldWritersByName) {
  TiffFile file(4, 4, {{0x00, 0x01, 0x04, 0x10, 0x30}});
  file.tags[259] = {5};

  ExpectRefused(file, "unsupported TIFF: LZW codes with the lowest bit first");
}

// What the TIFF says of the colours counts, not what the names of the JPEG's components suggest.
TEST(Tiff, TakesYCbCrForWhatTheTagSays) {
  Bytes jpeg = Encode(".jpg", NoisyPicture(8, 8, CV_8UC3));
  const absl::StatusOr<RgbImage> expected = DecodeImage(jpeg);
  ASSERT_TRUE(expected.ok()) << expected.status();
  constexpr int kJfif = 18;  // bytes of the segment behind the start marker
  jpeg.erase(jpeg.begin() + 2, jpeg.begin() + 2 + kJfif);
  const auto rename = [&jpeg](uint8_t marker, size_t first, size_t step) {
    const Bytes code = {0xff, marker};
    const auto at = static_cast<size_t>(std::search(jpeg.begin(), jpeg.end(), code.begin(), code.end()) - jpeg.begin());
    for (size_t i = 0; i < 3; ++i) jpeg[at + first + i * step] = static_cast<uint8_t>("RGB"[i]);
  };
  rename(0xc0, 10, 3);
  rename(0xda, 5, 2);
  TiffFile file(8, 8, {jpeg});
  file.tags[259] = {7};
  file.tags[262] = {6};
  file.tags[277] = {3};

  const absl::StatusOr<RgbImage> image = DecodeImage(file.Build());

  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->pixels, expected->pixels);
}

// A strip's JPEG of 8 x `height` pixels.
Bytes JpegStrip(int height) { return Encode(".jpg", cv::Mat(height, 8, CV_8UC1, cv::Scalar(90))); }

// The last strip's JPEG may be as tall as the others'.
TEST(Tiff, ReadsAJpegStripThatIsTallerThanWhatIsLeftOfThePicture) {
  TiffFile file(8, 12, {JpegStrip(8), JpegStrip(8)});
  file.tags[259] = {7};
  file.tags[278] = {8};

  EXPECT_EQ(Grays(DecodeImage(file.Build())), Bytes(size_t{8} * 12, 90));
}

// What a JPEG says of its height takes memory before its first row is there.
TEST(Tiff, RejectsAJpegStripThatIsTallerThanStripsAre) {
  TiffFile file(8, 12, {JpegStrip(9), JpegStrip(4)});
  file.tags[259] = {7};
  file.tags[278] = {8};

  ExpectRefused(file, "damaged JPEG: 8 x 9 pixels of 1 samples where 8 x 8 of 1 belong");
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
    ExpectRefused(file, compression == 1 ? "strip or tile 0 lies outside the file" : "damaged TIFF: ");
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
