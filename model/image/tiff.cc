#include "model/image/tiff.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "model/image/byte_order.h"
#include "model/image/image_limits.h"
#include "model/image/tiff_codec.h"

namespace bayespfl::image_internal {
namespace {

enum Tag : uint32_t {
  kImageWidth = 256,
  kImageLength = 257,
  kBitsPerSample = 258,
  kCompression = 259,
  kPhotometric = 262,
  kFillOrder = 266,
  kStripOffsets = 273,
  kSamplesPerPixel = 277,
  kRowsPerStrip = 278,
  kStripByteCounts = 279,
  kPlanarConfiguration = 284,
  kPredictor = 317,
  kColorMap = 320,
  kTileWidth = 322,
  kTileLength = 323,
  kTileOffsets = 324,
  kTileByteCounts = 325,
  kSampleFormat = 339,
};

constexpr int64_t kTileUnit = 16;  // TIFF 6.0, section 15

enum Photometric : uint32_t { kWhiteIsZero = 0, kBlackIsZero = 1, kRgb = 2, kPalette = 3 };

absl::Status Damaged(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("damaged or truncated TIFF: ", what));
}

absl::Status Unsupported(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("unsupported TIFF: ", what));
}

// The file's bytes with its byte order.
class TiffBytes {
 public:
  explicit TiffBytes(absl::Span<const uint8_t> data) : data_(data), big_(data[0] == 'M') {}

  [[nodiscard]] uint64_t size() const { return data_.size(); }
  [[nodiscard]] bool Has(uint64_t offset, uint64_t count) const {
    return offset <= data_.size() && count <= data_.size() - offset;
  }
  [[nodiscard]] absl::Span<const uint8_t> Range(uint64_t offset, uint64_t count) const {
    return data_.subspan(offset, count);
  }
  [[nodiscard]] uint32_t Load16(uint64_t offset) const {
    return big_ ? LoadBig16(data_.data() + offset) : LoadLittle16(data_.data() + offset);
  }
  [[nodiscard]] uint32_t Load32(uint64_t offset) const {
    return big_ ? LoadBig32(data_.data() + offset) : LoadLittle32(data_.data() + offset);
  }
  [[nodiscard]] bool big_endian() const { return big_; }

 private:
  absl::Span<const uint8_t> data_;
  bool big_;
};

// The unsigned integer tags of one directory. Their values stay in the file until asked for.
class Directory {
 public:
  static absl::StatusOr<Directory> Read(const TiffBytes& bytes) {
    constexpr uint64_t kEntryBytes = 12;
    if (!bytes.Has(0, 8)) return Damaged("the file ends inside its header");
    const uint64_t start = bytes.Load32(4);
    if (!bytes.Has(start, 2)) return Damaged("its directory is missing");
    const uint64_t count = bytes.Load16(start);
    // The entries are followed by the place of the next page.
    if (!bytes.Has(start + 2, count * kEntryBytes + 4)) return Damaged("the file ends inside its directory");
    Directory directory(bytes);
    for (uint64_t i = 0; i < count; ++i) {
      if (!directory.AddEntry(start + 2 + i * kEntryBytes)) return Damaged("values of a tag lie outside the file");
    }
    return directory;
  }

  [[nodiscard]] uint64_t Count(Tag tag) const {
    const auto entry = entries_.find(tag);
    return entry == entries_.end() ? 0 : entry->second.count;
  }

  // Value `index` of a tag; `fallback` for a tag that is absent or has fewer values.
  [[nodiscard]] uint32_t Value(Tag tag, uint32_t fallback, uint64_t index = 0) const {
    const auto entry = entries_.find(tag);
    if (entry == entries_.end() || index >= entry->second.count) return fallback;
    const uint64_t offset = entry->second.offset + index * entry->second.width;
    switch (entry->second.width) {
      case 1:
        return bytes_.Range(offset, 1)[0];
      case 2:
        return bytes_.Load16(offset);
      default:
        return bytes_.Load32(offset);
    }
  }

 private:
  struct Entry {
    uint64_t offset;  // of the first value
    uint64_t count;
    uint32_t width;  // bytes per value: 1, 2 or 4
  };

  explicit Directory(const TiffBytes& bytes) : bytes_(bytes) {}

  // False if the values are not in the file, also those of tags that nobody asks for: then the file was cut. Tags of
  // other than unsigned integer types are not kept, and a duplicate does not replace the first one.
  bool AddEntry(uint64_t at) {
    constexpr std::array<uint32_t, 13> kTypeBytes = {0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8};
    constexpr uint32_t kByte = 1;
    constexpr uint32_t kShort = 3;
    constexpr uint32_t kLong = 4;
    const uint32_t type = bytes_.Load16(at + 2);
    const uint32_t width = type < kTypeBytes.size() ? kTypeBytes[type] : 0;
    const uint64_t count = bytes_.Load32(at + 4);
    const uint64_t offset = count * width <= 4 ? at + 8 : bytes_.Load32(at + 8);
    if (!bytes_.Has(offset, count * width)) return false;
    if (type == kByte || type == kShort || type == kLong) {
      entries_.emplace(bytes_.Load16(at), Entry{offset, count, width});
    }
    return true;
  }

  TiffBytes bytes_;
  absl::flat_hash_map<uint32_t, Entry> entries_;
};

// How the picture is cut into separately compressed blocks: strips (as wide as the picture) or tiles.
struct Layout {
  int64_t width = 0;
  int64_t height = 0;
  int64_t block_width = 0;
  int64_t block_height = 0;
  bool tiled = false;
  int64_t across = 0;  // blocks per row of blocks
  int64_t down = 0;    // rows of blocks
};

struct Encoding {
  TiffCompression compression = TiffCompression::kNone;
  uint32_t photometric = kBlackIsZero;
  int bits = 1;            // per sample
  int samples = 1;         // per pixel, extra samples included
  bool separate = false;   // one plane per sample
  bool predictor = false;  // samples are stored as differences along the row
};

absl::Status CheckSampleKind(const Directory& directory, const Encoding& encoding) {
  for (int i = 0; i < encoding.samples; ++i) {
    const auto index = static_cast<uint64_t>(i);
    // A single value may stand for all samples.
    const auto first_bits = static_cast<uint32_t>(encoding.bits);
    if (directory.Value(kBitsPerSample, first_bits, index) != first_bits) return Unsupported("samples of unequal bits");
    const uint32_t format = directory.Value(kSampleFormat, directory.Value(kSampleFormat, 1), index);
    if (format == 2) return Unsupported("signed samples");
    if (format == 3) return Unsupported("floating-point samples");
    if (format != 1 && format != 4) return Unsupported(absl::StrCat("sample format ", format));
  }
  return absl::OkStatus();
}

absl::Status CheckColorKind(const Directory& directory, const Encoding& encoding) {
  const int bits = encoding.bits;
  const bool small = bits == 1 || bits == 2 || bits == 4;
  if (!small && bits != 8 && bits != 16) return Unsupported(absl::StrCat(bits, " bits per sample"));
  if (small && (encoding.samples != 1 || encoding.predictor)) {
    return Unsupported(absl::StrCat(encoding.samples, " samples of ", bits, " bits"));
  }
  switch (encoding.photometric) {
    case kWhiteIsZero:
    case kBlackIsZero:
      return absl::OkStatus();
    case kRgb:
      return encoding.samples >= 3 ? absl::OkStatus() : Damaged("RGB with fewer than 3 samples");
    case kPalette:
      if (bits > 8) return Unsupported("16-bit palette");
      return directory.Count(kColorMap) >= uint64_t{3} << bits ? absl::OkStatus() : Damaged("its palette is missing");
    default:
      return Unsupported(absl::StrCat("colour space (photometric ", encoding.photometric, ")"));
  }
}

absl::StatusOr<Encoding> ReadEncoding(const Directory& directory) {
  constexpr uint32_t kMaxSamples = 5;  // RGB and two more; bounds what a block may decompress to
  if (directory.Count(kPhotometric) == 0) return Damaged("no photometric tag");
  const uint32_t compression = directory.Value(kCompression, 1);
  const uint32_t predictor = directory.Value(kPredictor, 1);
  const uint32_t planes = directory.Value(kPlanarConfiguration, 1);
  const uint32_t samples = directory.Value(kSamplesPerPixel, 1);
  const uint32_t bits = directory.Value(kBitsPerSample, 1);
  if (!IsSupportedTiffCompression(compression)) return Unsupported(absl::StrCat("compression ", compression));
  if (predictor != 1 && predictor != 2) return Unsupported(absl::StrCat("predictor ", predictor));
  if (planes != 1 && planes != 2) return Damaged(absl::StrCat("planar configuration ", planes));
  if (directory.Value(kFillOrder, 1) != 1) return Unsupported("reversed bit order");
  if (samples == 0 || samples > kMaxSamples) return Unsupported(absl::StrCat(samples, " samples per pixel"));
  if (bits > 64) return Damaged(absl::StrCat(bits, " bits per sample"));
  Encoding encoding;
  encoding.compression = static_cast<TiffCompression>(compression);
  encoding.photometric = directory.Value(kPhotometric, 0);
  encoding.bits = static_cast<int>(bits);
  encoding.samples = static_cast<int>(samples);
  encoding.separate = planes == 2;
  // The predictor belongs to these two schemes; elsewhere the tag has no meaning.
  encoding.predictor = predictor == 2 && compression != static_cast<uint32_t>(TiffCompression::kNone) &&
                       compression != static_cast<uint32_t>(TiffCompression::kPackBits);
  if (absl::Status status = CheckSampleKind(directory, encoding); !status.ok()) return status;
  if (absl::Status status = CheckColorKind(directory, encoding); !status.ok()) return status;
  return encoding;
}

absl::StatusOr<Layout> ReadLayout(const Directory& directory, const ImageLimits& limits) {
  Layout layout;
  layout.width = directory.Value(kImageWidth, 0);
  layout.height = directory.Value(kImageLength, 0);
  if (absl::Status status = CheckPixelLimit(layout.width, layout.height, limits); !status.ok()) return status;
  layout.tiled = directory.Count(kTileOffsets) != 0;
  if (layout.tiled) {
    layout.block_width = directory.Value(kTileWidth, 0);
    layout.block_height = directory.Value(kTileLength, 0);
  } else {
    layout.block_width = layout.width;
    layout.block_height = std::min<int64_t>(directory.Value(kRowsPerStrip, 0xffffffff), layout.height);
  }
  if (layout.block_width == 0 || layout.block_height == 0) return Damaged("strips or tiles without size");
  // A rule of the format that bounds the work too: each block costs a decompressor of its own.
  if (layout.tiled && (layout.block_width % kTileUnit != 0 || layout.block_height % kTileUnit != 0)) {
    return Damaged(absl::StrCat("tiles of ", layout.block_width, " x ", layout.block_height,
                                " pixels; the sides must be multiples of ", kTileUnit));
  }
  layout.across = (layout.width + layout.block_width - 1) / layout.block_width;
  layout.down = (layout.height + layout.block_height - 1) / layout.block_height;
  if (layout.tiled) {
    // Tiles are stored whole; tiles much larger than the picture would cost more than the picture may.
    if (layout.block_width > kMaxSide || layout.block_height > kMaxSide) return Damaged("oversized tiles");
    absl::Status status =
        CheckPixelLimit(layout.across * layout.block_width, layout.down * layout.block_height, limits);
    if (!status.ok()) return status;
  }
  return layout;
}

// Turns blocks into pixels of the result.
class TiffReader {
 public:
  TiffReader(const TiffBytes& bytes, const Directory& directory, const Layout& layout, const Encoding& encoding,
             SampleScale scale)
      : bytes_(bytes),
        directory_(directory),
        layout_(layout),
        encoding_(encoding),
        scale_(encoding.bits == 16 || scale.labels() ? scale : SampleScale(encoding.bits)) {
    if (encoding.photometric == kPalette) ReadPalette();
  }

  absl::StatusOr<RgbImage> Read() {
    RgbImage image{static_cast<int>(layout_.width), static_cast<int>(layout_.height), {}};
    const Tag offsets = layout_.tiled ? kTileOffsets : kStripOffsets;
    const Tag counts = layout_.tiled ? kTileByteCounts : kStripByteCounts;
    const int planes = encoding_.separate ? encoding_.samples : 1;
    const auto blocks = static_cast<uint64_t>(layout_.across * layout_.down * planes);
    if (directory_.Count(offsets) < blocks || directory_.Count(counts) < blocks) return Damaged("missing strips");
    image.pixels.resize(image.pixel_count() * 3);
    uint64_t compressed = 0;
    for (uint64_t i = 0; i < blocks; ++i) {
      const uint64_t offset = directory_.Value(offsets, 0, i);
      const uint64_t count = directory_.Value(counts, 0, i);
      if (!bytes_.Has(offset, count)) return Damaged(absl::StrCat("strip or tile ", i, " lies outside the file"));
      // Each scheme has codes that stand for no byte, so a decoder may read a whole block for one sample. A million
      // strips that share the bytes of one would take hours; uncompressed ones cost no more than the picture.
      if (encoding_.compression != TiffCompression::kNone) compressed += count;
      if (compressed > bytes_.size()) return Damaged("its strips or tiles overlap");
      if (absl::Status status = ReadBlock(i, bytes_.Range(offset, count), image); !status.ok()) return status;
    }
    return image;
  }

 private:
  absl::Status ReadBlock(uint64_t index, absl::Span<const uint8_t> data, RgbImage& image) {
    const auto per_plane = static_cast<uint64_t>(layout_.across * layout_.down);
    const int plane = static_cast<int>(index / per_plane);
    const auto in_plane = static_cast<int64_t>(index % per_plane);
    const int64_t x = in_plane % layout_.across * layout_.block_width;
    const int64_t y = in_plane / layout_.across * layout_.block_height;
    const int64_t visible_rows = std::min(layout_.block_height, layout_.height - y);
    const int64_t visible_columns = std::min(layout_.block_width, layout_.width - x);
    const auto row_samples = static_cast<size_t>(layout_.block_width * (encoding_.separate ? 1 : encoding_.samples));
    const size_t row_bytes = (row_samples * static_cast<size_t>(encoding_.bits) + 7) / 8;
    // The last strip ends with the picture; the last tile is padded, but nobody needs its padding.
    block_.resize(row_bytes * static_cast<size_t>(visible_rows));
    absl::Status status = DecompressTiffBlock(encoding_.compression, data, absl::MakeSpan(block_));
    if (!status.ok()) return status;
    row_.resize(row_samples);
    for (int64_t r = 0; r < visible_rows; ++r) {
      UnpackRow(block_.data() + static_cast<size_t>(r) * row_bytes);
      if (encoding_.predictor) UndoPredictor();
      uint8_t* to = image.pixels.data() + static_cast<size_t>((y + r) * layout_.width + x) * 3;
      StoreRow(static_cast<size_t>(visible_columns), plane, to);
    }
    return absl::OkStatus();
  }

  // Bytes of one row -> row_, one element per sample.
  void UnpackRow(const uint8_t* from) {
    switch (encoding_.bits) {
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
        const auto bits = static_cast<size_t>(encoding_.bits);
        const auto mask = static_cast<uint16_t>((1 << bits) - 1);
        for (size_t i = 0; i < row_.size(); ++i) {
          const size_t shift = 8 - bits - i * bits % 8;
          row_[i] = static_cast<uint16_t>((from[i * bits / 8] >> shift) & mask);
        }
      }
    }
  }

  // Sums up the differences, modulo the sample's range.
  void UndoPredictor() {
    const uint32_t mask = (uint32_t{1} << encoding_.bits) - 1;
    const auto step = static_cast<size_t>(encoding_.separate ? 1 : encoding_.samples);
    for (size_t i = step; i < row_.size(); ++i) {
      row_[i] = static_cast<uint16_t>((uint32_t{row_[i]} + row_[i - step]) & mask);
    }
  }

  // The first `columns` pixels of row_ -> RGB at `to`. Of separate planes only the colours are used.
  void StoreRow(size_t columns, int plane, uint8_t* to) const {
    const auto step = static_cast<size_t>(encoding_.separate ? 1 : encoding_.samples);
    const bool rgb = encoding_.photometric == kRgb;
    if (plane >= (rgb ? 3 : 1)) return;
    for (size_t i = 0; i < columns; ++i, to += 3) {
      const uint16_t* samples = row_.data() + i * step;
      if (rgb && encoding_.separate) {
        to[plane] = scale_(samples[0]);
      } else if (rgb) {
        for (size_t c = 0; c < 3; ++c) to[c] = scale_(samples[c]);
      } else if (scale_.labels()) {
        std::fill_n(to, 3, scale_(Label(samples[0])));
      } else if (encoding_.photometric == kPalette) {
        std::copy_n(palette_.begin() + ptrdiff_t{3} * samples[0], 3, to);
      } else {
        const uint8_t gray = scale_(samples[0]);
        std::fill_n(to, 3, encoding_.photometric == kWhiteIsZero ? static_cast<uint8_t>(255 - gray) : gray);
      }
    }
  }

  // What a sample says where it is a label: background is black, however the file writes that.
  [[nodiscard]] uint32_t Label(uint16_t sample) const {
    const uint32_t largest = (uint32_t{1} << encoding_.bits) - 1;
    return encoding_.photometric == kWhiteIsZero ? largest - sample : sample;
  }

  // The map holds all reds, then all greens, then all blues, in 16 bits; some writers put 8-bit values there.
  void ReadPalette() {
    const uint64_t colors = uint64_t{1} << encoding_.bits;
    std::vector<uint32_t> map(colors * 3);
    for (uint64_t i = 0; i < map.size(); ++i) map[i] = directory_.Value(kColorMap, 0, i);
    const bool wide = *std::max_element(map.begin(), map.end()) > 255;
    palette_.resize(map.size());
    for (uint64_t i = 0; i < colors; ++i) {
      for (uint64_t c = 0; c < 3; ++c) {
        const uint32_t value = map[c * colors + i];
        palette_[i * 3 + c] = static_cast<uint8_t>(wide ? value >> 8 : value);
      }
    }
  }

  const TiffBytes& bytes_;
  const Directory& directory_;
  const Layout& layout_;
  const Encoding& encoding_;
  SampleScale scale_;
  std::vector<uint8_t> palette_;  // [2^bits, 3]
  std::vector<uint8_t> block_;    // one decompressed strip or tile
  std::vector<uint16_t> row_;     // the samples of one of its rows
};

}  // namespace

absl::StatusOr<RgbImage> DecodeTiff(absl::Span<const uint8_t> encoded, const ImageLimits& limits, SampleScale scale) {
  const TiffBytes bytes(encoded);
  if (bytes.Load16(2) != 42) return Unsupported("BigTIFF");
  const absl::StatusOr<Directory> directory = Directory::Read(bytes);
  if (!directory.ok()) return directory.status();
  const absl::StatusOr<Layout> layout = ReadLayout(*directory, limits);
  if (!layout.ok()) return layout.status();
  const absl::StatusOr<Encoding> encoding = ReadEncoding(*directory);
  if (!encoding.ok()) return encoding.status();
  return TiffReader(bytes, *directory, *layout, *encoding, scale).Read();
}

}  // namespace bayespfl::image_internal
