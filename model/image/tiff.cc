#include "model/image/tiff.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "model/image/byte_order.h"
#include "model/image/jpeg.h"
#include "model/image/orientation.h"
#include "model/image/tiff_codec.h"
#include "model/image/tiff_directory.h"
#include "model/image/tiff_format.h"

namespace bayespfl::image_internal {
namespace {

uint8_t ReverseBits(uint8_t byte) {
  uint8_t reversed = 0;
  for (int i = 0; i < 8; ++i) reversed = static_cast<uint8_t>(reversed << 1 | (byte >> i & 1));
  return reversed;
}

// Where one strip or tile lies in the picture and in its plane.
struct Block {
  uint64_t index;
  int plane;
  int64_t x;
  int64_t y;
  int64_t columns;  // that are part of the picture
  int64_t rows;     // that are part of the picture
};

// Turns blocks into pixels of the result.
class TiffReader {
 public:
  TiffReader(const TiffBytes& bytes, const TiffDirectory& directory, const TiffLayout& layout,
             const TiffEncoding& encoding, SampleScale scale)
      : bytes_(bytes),
        directory_(directory),
        layout_(layout),
        encoding_(encoding),
        offsets_(layout.tiled ? TiffTag::kTileOffsets : TiffTag::kStripOffsets),
        counts_(layout.tiled ? TiffTag::kTileByteCounts : TiffTag::kStripByteCounts),
        blocks_(static_cast<uint64_t>(layout.across * layout.down * (encoding.separate ? encoding.samples : 1))),
        row_samples_(static_cast<size_t>(layout.block_width * stored_samples())),
        scale_(encoding.bits == 16 || scale.labels() ? scale : SampleScale(encoding.bits)) {
    if (encoding.colors == TiffColors::kPalette) ReadPalette();
  }

  absl::StatusOr<RgbImage> Read() {
    // Real tables take 3 kB; they are read once for every block.
    constexpr size_t kMaxJpegTableBytes = 8192;
    if (directory_.Bytes(TiffTag::kJpegTables).size() > kMaxJpegTableBytes) return DamagedTiff("oversized JPEG tables");
    if (directory_.Count(offsets_) < blocks_) return DamagedTiff("missing strips or tiles");
    // Before there is memory for what cannot be there.
    for (uint64_t i = 0; i < blocks_; ++i) {
      if (absl::Status status = CheckBlock(BlockAt(i)); !status.ok()) return status;
    }
    RgbImage image{static_cast<int>(layout_.width), static_cast<int>(layout_.height), {}};
    image.pixels.resize(image.pixel_count() * 3);
    for (uint64_t i = 0; i < blocks_; ++i) {
      if (absl::Status status = ReadBlock(BlockAt(i), image); !status.ok()) return status;
    }
    return image;
  }

 private:
  // Samples of a pixel that lie next to each other.
  [[nodiscard]] int stored_samples() const { return encoding_.separate ? 1 : encoding_.samples; }

  [[nodiscard]] Block BlockAt(uint64_t index) const {
    const auto per_plane = static_cast<uint64_t>(layout_.across * layout_.down);
    const auto in_plane = static_cast<int64_t>(index % per_plane);
    const int64_t x = in_plane % layout_.across * layout_.block_width;
    const int64_t y = in_plane / layout_.across * layout_.block_height;
    return {.index = index,
            .plane = static_cast<int>(index / per_plane),
            .x = x,
            .y = y,
            .columns = std::min(layout_.block_width, layout_.width - x),
            .rows = std::min(layout_.block_height, layout_.height - y)};
  }

  // How many bytes an offset stands for. Uncompressed ones say it by their size, so that their byte counts, which some
  // writers leave out or get wrong, do not matter. Without a count compressed data reaches to the next block or the end
  // of the file; its decoder knows where it ends.
  [[nodiscard]] uint64_t BlockBytes(const Block& block, uint64_t offset, size_t unpacked) const {
    if (encoding_.compression == TiffCompression::kNone) return unpacked;
    const uint64_t count = directory_.Value(counts_, 0, block.index);
    if (count != 0) return count;
    const uint64_t next = directory_.Value(offsets_, 0, block.index + 1);
    return (next > offset ? std::min(next, bytes_.size()) : bytes_.size()) - std::min(offset, bytes_.size());
  }

  [[nodiscard]] size_t row_bytes() const { return (row_samples_ * static_cast<size_t>(encoding_.bits) + 7) / 8; }

  // The last strip ends with the picture; the last tile is padded, but nobody needs its padding.
  [[nodiscard]] size_t UnpackedBytes(const Block& block) const { return row_bytes() * static_cast<size_t>(block.rows); }

  // Whether the block lies in the file, and decoding it costs no more than file and picture together do.
  absl::Status CheckBlock(const Block& block) {
    const uint64_t unpacked = UnpackedBytes(block);
    const uint64_t offset = directory_.Value(offsets_, 0, block.index);
    const uint64_t count = BlockBytes(block, offset, unpacked);
    // Sparse files leave out blocks; what would belong there is for their writer alone to know.
    if (offset == 0) {
      return UnsupportedTiff(absl::StrCat("strip or tile ", block.index, " is left out (a sparse file)"));
    }
    if (!bytes_.Has(offset, count)) {
      return DamagedTiff(absl::StrCat("strip or tile ", block.index, " lies outside the file"));
    }
    const std::optional<uint64_t> expansion = LargestTiffExpansion(encoding_.compression);
    if (expansion.has_value() && unpacked / *expansion > count) {
      return DamagedTiff(absl::StrCat("strip or tile ", block.index, " has ", count, " bytes, too few for its ",
                                      unpacked, " bytes of pixels"));
    }
    // Each scheme has codes that stand for no byte, so a decoder may read a whole block for one sample: a million
    // strips that share the bytes of one would take hours. Blocks that are alike may be stored once; those are no
    // longer than their pixels.
    compressed_ += count;
    unpacked_ += unpacked;
    if (compressed_ > bytes_.size() + unpacked_) return DamagedTiff("its strips or tiles overlap");
    return absl::OkStatus();
  }

  // Requires a block that CheckBlock() found good.
  absl::Status ReadBlock(const Block& block, RgbImage& image) {
    block_.resize(UnpackedBytes(block));
    const uint64_t offset = directory_.Value(offsets_, 0, block.index);
    const uint64_t count = BlockBytes(block, offset, block_.size());
    if (absl::Status status = Decompress(block, bytes_.Range(offset, count)); !status.ok()) return status;
    row_.resize(row_samples_);
    for (int64_t r = 0; r < block.rows; ++r) {
      UnpackRow(block_.data() + static_cast<size_t>(r) * row_bytes());
      if (encoding_.predictor) UndoPredictor();
      uint8_t* to = image.pixels.data() + static_cast<size_t>((block.y + r) * layout_.width + block.x) * 3;
      StoreRow(static_cast<size_t>(block.columns), block.plane, to);
    }
    return absl::OkStatus();
  }

  // Fills block_.
  absl::Status Decompress(const Block& block, absl::Span<const uint8_t> data) {
    if (encoding_.compression == TiffCompression::kJpeg) {
      const JpegBlock jpeg{.tables = directory_.Bytes(TiffTag::kJpegTables),
                           .data = data,
                           .width = layout_.block_width,
                           .rows = block.rows,
                           .most_rows = layout_.block_height,
                           .samples = stored_samples(),
                           .ycbcr = encoding_.colors == TiffColors::kYCbCr,
                           .picture_pixels = layout_.width * layout_.height};
      return DecodeJpegBlock(jpeg, absl::MakeSpan(block_));
    }
    if (encoding_.reversed_bits) {
      reversed_.resize(data.size());
      std::transform(data.begin(), data.end(), reversed_.begin(), ReverseBits);
      data = reversed_;
    }
    return DecompressTiffBlock(encoding_.compression, data, absl::MakeSpan(block_));
  }

  // Bytes of one row -> row_, one element per sample.
  void UnpackRow(const uint8_t* from) {
    const auto bits = static_cast<size_t>(encoding_.bits);
    switch (bits) {
      case 16:
        for (uint16_t& sample : row_) {
          sample = static_cast<uint16_t>(bytes_.big_endian() ? LoadBig16(from) : LoadLittle16(from));
          from += 2;
        }
        break;
      case 8:
        std::copy_n(from, row_.size(), row_.begin());
        break;
      default: {
        // Packed without gaps, the highest bit first, in either byte order.
        uint32_t buffer = 0;
        size_t buffered = 0;
        for (uint16_t& sample : row_) {
          for (; buffered < bits; buffered += 8) buffer = buffer << 8 | *from++;
          buffered -= bits;
          sample = static_cast<uint16_t>(buffer >> buffered & ((uint32_t{1} << bits) - 1));
        }
      }
    }
  }

  // Sums up the differences, modulo the sample's range.
  void UndoPredictor() {
    const uint32_t mask = (uint32_t{1} << encoding_.bits) - 1;
    const auto step = static_cast<size_t>(stored_samples());
    for (size_t i = step; i < row_.size(); ++i) {
      row_[i] = static_cast<uint16_t>((uint32_t{row_[i]} + row_[i - step]) & mask);
    }
  }

  // A colour that was multiplied by its pixel's alpha, without that; as the reference's loader does it: rounded down,
  // and black where nothing is seen.
  [[nodiscard]] uint32_t DivideByAlpha(uint32_t color, uint32_t alpha) const {
    return alpha == 0 ? 0 : std::min(color * Largest() / alpha, Largest());
  }

  // The first `columns` pixels of row_ -> RGB at `to`. Of separate planes only the colours are used.
  void StoreRow(size_t columns, int plane, uint8_t* to) {
    const auto step = static_cast<size_t>(stored_samples());
    const auto colors = static_cast<size_t>(encoding_.color_samples());
    if (static_cast<size_t>(plane) >= colors) return;
    if (encoding_.colors_have_alpha && !scale_.labels()) {
      for (size_t i = 0; i < columns * step; i += step) {
        for (size_t c = 0; c < colors; ++c) {
          row_[i + c] = static_cast<uint16_t>(DivideByAlpha(row_[i + c], row_[i + colors]));
        }
      }
    }
    for (size_t i = 0; i < columns; ++i, to += 3) StorePixel(row_.data() + i * step, plane, to);
  }

  void StorePixel(const uint16_t* samples, int plane, uint8_t* to) const {
    switch (encoding_.colors) {
      case TiffColors::kRgb:
      case TiffColors::kYCbCr:
        if (encoding_.separate) {
          to[plane] = scale_(samples[0]);
        } else {
          for (size_t c = 0; c < 3; ++c) to[c] = scale_(samples[c]);
        }
        return;
      case TiffColors::kPalette:
        if (scale_.labels()) {
          std::fill_n(to, 3, scale_(samples[0]));
        } else {
          std::copy_n(palette_.begin() + ptrdiff_t{3} * samples[0], 3, to);
        }
        return;
      case TiffColors::kBlackIsZero:
        std::fill_n(to, 3, scale_(samples[0]));
        return;
      case TiffColors::kWhiteIsZero:
        // Of a label first, since all that are not 0 scale to white.
        std::fill_n(to, 3,
                    scale_.labels() ? scale_(Largest() - samples[0]) : static_cast<uint8_t>(255 - scale_(samples[0])));
        return;
    }
  }

  [[nodiscard]] uint32_t Largest() const { return (uint32_t{1} << encoding_.bits) - 1; }

  // The map holds all reds, then all greens, then all blues, in 16 bits; some writers put 8-bit values there.
  void ReadPalette() {
    const uint64_t colors = uint64_t{1} << encoding_.bits;
    std::vector<uint64_t> map(colors * 3);
    for (uint64_t i = 0; i < map.size(); ++i) map[i] = directory_.Value(TiffTag::kColorMap, 0, i);
    const bool wide = *std::max_element(map.begin(), map.end()) > 255;
    palette_.resize(map.size());
    for (uint64_t i = 0; i < colors; ++i) {
      for (uint64_t c = 0; c < 3; ++c) {
        const uint64_t value = map[c * colors + i];
        palette_[i * 3 + c] = static_cast<uint8_t>(wide ? value >> 8 : value);
      }
    }
  }

  const TiffBytes& bytes_;
  const TiffDirectory& directory_;
  const TiffLayout& layout_;
  const TiffEncoding& encoding_;
  const TiffTag offsets_;
  const TiffTag counts_;
  const uint64_t blocks_;
  const size_t row_samples_;  // in a row of a block
  SampleScale scale_;
  uint64_t compressed_ = 0;        // bytes of the blocks that were checked so far
  uint64_t unpacked_ = 0;          // and of their samples
  std::vector<uint8_t> palette_;   // [2^bits, 3]
  std::vector<uint8_t> block_;     // one decompressed strip or tile
  std::vector<uint8_t> reversed_;  // the bytes of one whose bits are stored the other way round
  std::vector<uint16_t> row_;      // the samples of one of its rows
};

}  // namespace

absl::StatusOr<RgbImage> DecodeTiff(absl::Span<const uint8_t> encoded, const ImageLimits& limits, SampleScale scale) {
  const TiffBytes bytes(encoded);
  const absl::StatusOr<TiffDirectory> directory = TiffDirectory::Read(bytes);
  if (!directory.ok()) return directory.status();
  if (absl::Status status = CheckIsPicture(*directory); !status.ok()) return status;
  const absl::StatusOr<TiffLayout> layout = ReadTiffLayout(*directory, limits);
  if (!layout.ok()) return layout.status();
  const absl::StatusOr<TiffEncoding> encoding = ReadTiffEncoding(*directory);
  if (!encoding.ok()) return encoding.status();
  absl::StatusOr<RgbImage> stored = TiffReader(bytes, *directory, *layout, *encoding, scale).Read();
  if (!stored.ok()) return stored.status();
  return TurnUpright(*std::move(stored), ReadTiffOrientation(*directory));
}

}  // namespace bayespfl::image_internal
