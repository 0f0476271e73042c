#include "model/image/bmp_header.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "model/image/byte_order.h"

namespace bayespfl::image_internal {
namespace {

constexpr size_t kFileHeaderBytes = 14;
constexpr size_t kInfoHeaderBytes = 40;
constexpr size_t kMasksAt = kFileHeaderBytes + kInfoHeaderBytes;

enum class Family {
  kCore,     // 12 bytes
  kOs2,      // OS/2 2.x
  kWindows,  // 40 bytes and what extends them
};

// The header's compression field as Windows numbers it.
constexpr uint32_t kUncompressed = 0;
constexpr uint32_t kRunLengths8 = 1;
constexpr uint32_t kRunLengths4 = 2;
constexpr uint32_t kBitFields = 3;
constexpr uint32_t kAlphaBitFields = 6;  // Windows CE

struct Fields {
  size_t header_bytes = 0;  // without the file header
  Family family = Family::kWindows;
  int64_t width = 0;
  int64_t height = 0;  // negative: top-down
  uint32_t bits = 0;
  uint32_t compression = 0;
  uint32_t colors = 0;  // of the palette; 0: as many as the bits can name

  [[nodiscard]] bool is_indexed() const { return bits <= 8; }
  [[nodiscard]] bool has_masks() const {
    return family == Family::kWindows && (compression == kBitFields || compression == kAlphaBitFields);
  }
  [[nodiscard]] size_t color_bytes() const { return family == Family::kCore ? 3 : 4; }
  // Where palette or pixels start at the earliest.
  [[nodiscard]] size_t end() const {
    const size_t masks = compression == kAlphaBitFields ? 16 : 12;
    const size_t behind = has_masks() && header_bytes == kInfoHeaderBytes ? masks : 0;
    return kFileHeaderBytes + header_bytes + behind;
  }
};

absl::Status Damaged(absl::string_view what) { return absl::InvalidArgumentError(absl::StrCat("damaged BMP: ", what)); }

absl::Status Unsupported(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("unsupported BMP: ", what));
}

absl::Status Truncated() { return absl::InvalidArgumentError("truncated BMP: the file ends in front of its pixels"); }

std::optional<Family> FamilyOf(uint32_t header_bytes) {
  switch (header_bytes) {
    case 12:
      return Family::kCore;
    case 40:
    case 52:
    case 56:
    case 108:
    case 124:
      return Family::kWindows;
    default:
      if (header_bytes >= 16 && header_bytes <= 64) return Family::kOs2;
      return std::nullopt;
  }
}

absl::StatusOr<Fields> ReadFields(absl::Span<const uint8_t> encoded) {
  if (encoded.size() < kFileHeaderBytes + 4) return Truncated();
  const absl::Span<const uint8_t> header = encoded.subspan(kFileHeaderBytes);
  const uint32_t header_bytes = LoadLittle32(header.data());
  const std::optional<Family> family = FamilyOf(header_bytes);
  if (!family.has_value()) {
    return Unsupported(absl::StrCat("a header of ", header_bytes, " bytes; expected 12, 16 to 64, 108 or 124"));
  }
  if (header.size() < header_bytes) return Truncated();
  Fields fields{.header_bytes = header_bytes, .family = *family};
  if (*family == Family::kCore) {
    fields.width = LoadLittle16(header.data() + 4);
    fields.height = LoadLittle16(header.data() + 6);
    fields.bits = LoadLittle16(header.data() + 10);
    return fields;
  }
  const auto field = [&](size_t at) { return at + 4 <= header_bytes ? LoadLittle32(header.data() + at) : 0; };
  fields.width = static_cast<int32_t>(field(4));
  fields.height = static_cast<int32_t>(field(8));
  fields.bits = field(12) >> 16;
  fields.compression = field(16);
  fields.colors = field(32);
  return fields;
}

// What a compression that is not read is called; nullopt: no BMP has this number.
std::optional<absl::string_view> NameOfCompression(const Fields& fields) {
  const bool os2 = fields.family == Family::kOs2;
  switch (fields.compression) {
    case 3:
      return os2 ? std::optional<absl::string_view>("Huffman codes of OS/2") : std::nullopt;
    case 4:
      return os2 ? "24-bit run lengths of OS/2" : "an embedded JPEG";
    case 5:
      return "an embedded PNG";
    case 11:
    case 12:
    case 13:
      return "CMYK";
    default:
      return std::nullopt;
  }
}

absl::StatusOr<BmpCoding> CodingOf(const Fields& fields) {
  if (const auto name = NameOfCompression(fields)) return Unsupported(*name);
  switch (fields.bits) {
    case 1:
    case 2:
    case 4:
    case 8:
    case 16:
    case 24:
    case 32:
      break;
    default:
      return Unsupported(absl::StrCat(fields.bits, " bits per pixel; expected 1, 2, 4, 8, 16, 24 or 32"));
  }
  if (fields.compression == kUncompressed) return BmpCoding::kRows;
  if (fields.has_masks() && !fields.is_indexed()) return BmpCoding::kRows;
  if (fields.compression == kRunLengths8 && fields.bits == 8) return BmpCoding::kRle8;
  if (fields.compression == kRunLengths4 && fields.bits == 4) return BmpCoding::kRle4;
  return Damaged(absl::StrCat("compression ", fields.compression, " with ", fields.bits, " bits per pixel"));
}

bool IsOneRun(uint32_t mask) {
  if (mask == 0) return true;
  const uint32_t low = mask >> std::countr_zero(mask);
  return (low & (low + 1)) == 0;
}

absl::StatusOr<std::array<uint32_t, 3>> ReadMasks(const Fields& fields, absl::Span<const uint8_t> encoded) {
  if (!fields.has_masks()) {
    return fields.bits == 16 ? std::array<uint32_t, 3>{0x7c00, 0x03e0, 0x001f}
                             : std::array<uint32_t, 3>{0xff0000, 0x00ff00, 0x0000ff};
  }
  std::array<uint32_t, 3> masks = {};
  for (size_t i = 0; i < masks.size(); ++i) {
    masks[i] = LoadLittle32(encoded.data() + kMasksAt + 4 * i);
    if (fields.bits < 32 && (masks[i] >> fields.bits) != 0) {
      return Damaged(
          absl::StrCat("the mask ", absl::Hex(masks[i]), " reaches beyond a pixel of ", fields.bits, " bits"));
    }
    if (!IsOneRun(masks[i])) return Unsupported(absl::StrCat("the mask ", absl::Hex(masks[i]), ", which has holes"));
  }
  if (masks == std::array<uint32_t, 3>{}) return Damaged("no mask says where the colours are");
  return masks;
}

// The colours in front of the pixels: a file that announces more than have room there has those.
std::vector<BmpColor> ReadPalette(const Fields& fields, absl::Span<const uint8_t> bytes) {
  const size_t nameable = size_t{1} << fields.bits;
  const size_t announced = fields.colors == 0 ? nameable : fields.colors;
  std::vector<BmpColor> palette(std::min({nameable, announced, bytes.size() / fields.color_bytes()}));
  const uint8_t* from = bytes.data();
  for (BmpColor& color : palette) {
    color = {from[2], from[1], from[0]};
    from += fields.color_bytes();
  }
  return palette;
}

// Writers that leave the field 0 put the pixels behind what the header announces.
int64_t PixelOffset(const Fields& fields, absl::Span<const uint8_t> encoded) {
  const uint32_t said = LoadLittle32(encoded.data() + 10);
  if (said != 0) return said;
  const int64_t nameable = fields.is_indexed() ? int64_t{1} << fields.bits : 0;
  const int64_t colors = fields.colors == 0 ? nameable : fields.colors;
  return static_cast<int64_t>(fields.end()) + colors * static_cast<int64_t>(fields.color_bytes());
}

}  // namespace

absl::StatusOr<BmpHeader> ReadBmpHeader(absl::Span<const uint8_t> encoded) {
  const absl::StatusOr<Fields> fields = ReadFields(encoded);
  if (!fields.ok()) return fields.status();
  const absl::StatusOr<BmpCoding> coding = CodingOf(*fields);
  if (!coding.ok()) return coding.status();
  BmpHeader header;
  header.size = {fields->width, fields->height < 0 ? -fields->height : fields->height};
  header.top_down = fields->height < 0;
  header.bits_per_pixel = static_cast<int>(fields->bits);
  header.coding = *coding;
  header.pixel_offset = PixelOffset(*fields, encoded);
  const auto start = static_cast<size_t>(header.pixel_offset);
  if (start < fields->end()) return Damaged("its pixels start inside the header");
  if (start > encoded.size()) return Truncated();
  if (fields->is_indexed()) {
    header.palette = ReadPalette(*fields, encoded.subspan(fields->end(), start - fields->end()));
    return header;
  }
  const absl::StatusOr<std::array<uint32_t, 3>> masks = ReadMasks(*fields, encoded);
  if (!masks.ok()) return masks.status();
  header.masks = *masks;
  return header;
}

}  // namespace bayespfl::image_internal
