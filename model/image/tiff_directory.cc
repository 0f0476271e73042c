#include "model/image/tiff_directory.h"

#include <array>

#include "absl/strings/str_cat.h"

namespace bayespfl::image_internal {
namespace {

bool IsKnown(uint64_t tag) {
  switch (static_cast<TiffTag>(tag)) {
    case TiffTag::kNewSubfileType:
    case TiffTag::kSubfileType:
    case TiffTag::kImageWidth:
    case TiffTag::kImageLength:
    case TiffTag::kBitsPerSample:
    case TiffTag::kCompression:
    case TiffTag::kPhotometric:
    case TiffTag::kFillOrder:
    case TiffTag::kStripOffsets:
    case TiffTag::kOrientation:
    case TiffTag::kSamplesPerPixel:
    case TiffTag::kRowsPerStrip:
    case TiffTag::kStripByteCounts:
    case TiffTag::kPlanarConfiguration:
    case TiffTag::kPredictor:
    case TiffTag::kColorMap:
    case TiffTag::kTileWidth:
    case TiffTag::kTileLength:
    case TiffTag::kTileOffsets:
    case TiffTag::kTileByteCounts:
    case TiffTag::kExtraSamples:
    case TiffTag::kSampleFormat:
    case TiffTag::kJpegTables:
    case TiffTag::kXmp:
      return true;
  }
  return false;
}

// The picture can be read without them.
bool IsDispensable(TiffTag tag) {
  return tag == TiffTag::kStripByteCounts || tag == TiffTag::kTileByteCounts || tag == TiffTag::kXmp;
}

// Bytes per value of the types that hold unsigned integers or plain bytes (UNDEFINED, as which JPEG tables and XMP are
// stored); 0 for the others. 13, 16 and 18 are IFD, LONG8 and IFD8.
uint32_t IntegerWidth(uint64_t type) {
  constexpr std::array<uint32_t, 19> kWidths = {0, 1, 0, 2, 4, 0, 0, 1, 0, 0, 0, 0, 0, 4, 0, 0, 8, 0, 8};
  return type < kWidths.size() ? kWidths[type] : 0;
}

}  // namespace

absl::Status DamagedTiff(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("damaged or truncated TIFF: ", what));
}

absl::Status UnsupportedTiff(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("unsupported TIFF: ", what));
}

uint64_t TiffBytes::Load(uint64_t offset, uint32_t width) const {
  const uint8_t* p = data_.data() + offset;
  uint64_t value = 0;
  for (uint32_t i = 0; i < width; ++i) value = (value << 8) | p[big_endian_ ? i : width - 1 - i];
  return value;
}

absl::StatusOr<TiffDirectory> TiffDirectory::Read(const TiffBytes& bytes) {
  constexpr uint64_t kBigTiff = 43;
  if (!bytes.Has(0, 8)) return DamagedTiff("the file ends inside its header");
  const bool big = bytes.Load(2, 2) == kBigTiff;
  const Form form = big ? Form{.offset_width = 8, .count_width = 8} : Form{.offset_width = 4, .count_width = 2};
  if (big && !bytes.Has(0, 16)) return DamagedTiff("the file ends inside its header");
  if (big && bytes.Load(4, 2) != 8) {
    return DamagedTiff(absl::StrCat("a BigTIFF with offsets of ", bytes.Load(4, 2), " bytes; expected 8"));
  }
  const uint64_t start = bytes.Load(big ? 8 : 4, form.offset_width);
  if (!bytes.Has(start, form.count_width)) return DamagedTiff("its directory is missing");
  const uint64_t count = bytes.Load(start, form.count_width);
  const uint64_t entry_bytes = 4 + 2 * uint64_t{form.offset_width};
  const uint64_t first = start + form.count_width;
  if (count > bytes.size() || !bytes.Has(first, count * entry_bytes)) {
    return DamagedTiff("the file ends inside its directory");
  }
  TiffDirectory directory(bytes);
  for (uint64_t i = 0; i < count; ++i) {
    if (absl::Status status = directory.AddEntry(form, first + i * entry_bytes); !status.ok()) return status;
  }
  return directory;
}

// Tags of other than unsigned integer types are not kept, and a duplicate does not replace the first one.
absl::Status TiffDirectory::AddEntry(const Form& form, uint64_t at) {
  if (!IsKnown(bytes_.Load(at, 2))) return absl::OkStatus();
  const auto tag = static_cast<TiffTag>(bytes_.Load(at, 2));
  const uint32_t width = IntegerWidth(bytes_.Load(at + 2, 2));
  if (width == 0) return absl::OkStatus();
  const uint64_t count = bytes_.Load(at + 4, form.offset_width);
  const uint64_t value_at = at + 4 + form.offset_width;
  const bool inside = count <= form.offset_width / width;
  const uint64_t offset = inside ? value_at : bytes_.Load(value_at, form.offset_width);
  if (count > bytes_.size() || !bytes_.Has(offset, count * width)) {
    if (IsDispensable(tag)) return absl::OkStatus();
    return DamagedTiff(absl::StrCat("the values of tag ", static_cast<uint32_t>(tag), " lie outside the file"));
  }
  entries_.emplace(tag, Entry{offset, count, width});
  return absl::OkStatus();
}

uint64_t TiffDirectory::Count(TiffTag tag) const {
  const auto entry = entries_.find(tag);
  return entry == entries_.end() ? 0 : entry->second.count;
}

uint64_t TiffDirectory::Value(TiffTag tag, uint64_t fallback, uint64_t index) const {
  const auto entry = entries_.find(tag);
  if (entry == entries_.end() || index >= entry->second.count) return fallback;
  return bytes_.Load(entry->second.offset + index * entry->second.width, entry->second.width);
}

absl::Span<const uint8_t> TiffDirectory::Bytes(TiffTag tag) const {
  const auto entry = entries_.find(tag);
  if (entry == entries_.end()) return {};
  return bytes_.Range(entry->second.offset, entry->second.count * entry->second.width);
}

}  // namespace bayespfl::image_internal
