#include "model/image/image_header.h"

#include <cstdlib>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "model/image/byte_order.h"

namespace bayespfl::image_internal {
namespace {

bool HasBytesAt(absl::Span<const uint8_t> data, size_t offset, absl::string_view expected) {
  return data.size() >= offset + expected.size() &&
         absl::string_view(reinterpret_cast<const char*>(data.data()) + offset, expected.size()) == expected;
}

absl::Status TruncatedHeader(absl::string_view format) {
  return absl::InvalidArgumentError(absl::StrCat("truncated ", format, ": the file ends inside its header"));
}

// The sizes a BMP may have: one fixed-length field each, unlike the other header fields.
struct BmpFields {
  int64_t width = 0;
  int64_t height = 0;
  uint32_t bits = 0;
  uint32_t compression = 0;
  uint32_t colors = 0;
};

BmpFields ReadBmpFields(const uint8_t* data, bool core) {
  if (core) return {LoadLittle16(data + 18), LoadLittle16(data + 20), LoadLittle16(data + 24), 0, 0};
  return {static_cast<int32_t>(LoadLittle32(data + 18)), static_cast<int32_t>(LoadLittle32(data + 22)),
          LoadLittle16(data + 28), LoadLittle32(data + 30), LoadLittle32(data + 46)};
}

absl::Status CheckBmpEncoding(const BmpFields& fields) {
  constexpr uint32_t kUncompressed = 0;
  constexpr uint32_t kBitFields = 3;
  switch (fields.bits) {
    case 1:
    case 4:
    case 8:
    case 16:
    case 24:
    case 32:
      break;
    default:
      return absl::InvalidArgumentError(absl::StrCat("damaged BMP: ", fields.bits, " bits per pixel"));
  }
  const bool has_masks = fields.bits == 16 || fields.bits == 32;
  if (fields.compression != kUncompressed && !(fields.compression == kBitFields && has_masks)) {
    return absl::InvalidArgumentError(absl::StrCat("unsupported BMP: compression ", fields.compression, " with ",
                                                   fields.bits, " bits per pixel; expected uncompressed"));
  }
  if (fields.bits <= 8 && fields.colors > (uint32_t{1} << fields.bits)) {
    return absl::InvalidArgumentError(
        absl::StrCat("damaged BMP: ", fields.colors, " palette entries for ", fields.bits, " bits per pixel"));
  }
  return absl::OkStatus();
}

absl::StatusOr<PictureSize> ReadLossyWebpSize(absl::Span<const uint8_t> data) {
  const bool key_frame = (data[20] & 1) == 0;
  if (!key_frame || !HasBytesAt(data, 23, "\x9d\x01\x2a")) {
    return absl::InvalidArgumentError("damaged WebP: no key frame at its start");
  }
  return PictureSize{LoadLittle16(data.data() + 26) & 0x3fff, LoadLittle16(data.data() + 28) & 0x3fff};
}

absl::StatusOr<PictureSize> ReadLosslessWebpSize(absl::Span<const uint8_t> data) {
  if (data[20] != 0x2f) return absl::InvalidArgumentError("damaged WebP: wrong lossless signature");
  const uint32_t bits = LoadLittle32(data.data() + 21);
  return PictureSize{(bits & 0x3fff) + 1, ((bits >> 14) & 0x3fff) + 1};
}

absl::StatusOr<PictureSize> ReadExtendedWebpSize(absl::Span<const uint8_t> data) {
  constexpr uint8_t kAnimation = 0x02;
  if ((data[20] & kAnimation) != 0) return absl::InvalidArgumentError("unsupported WebP: animation");
  return PictureSize{int64_t{LoadLittle24(data.data() + 24)} + 1, int64_t{LoadLittle24(data.data() + 27)} + 1};
}

}  // namespace

std::optional<FileFormat> SniffFormat(absl::Span<const uint8_t> encoded) {
  using Literal = absl::string_view;
  if (HasBytesAt(encoded, 0, "\xff\xd8\xff")) return FileFormat::kJpeg;
  if (HasBytesAt(encoded, 0, "\x89PNG\r\n\x1a\n")) return FileFormat::kPng;
  if (HasBytesAt(encoded, 0, "BM")) return FileFormat::kBmp;
  // 42: classic TIFF; 43: BigTIFF, recognised so that its refusal can name it.
  for (const Literal signature : {Literal("II*\0", 4), Literal("MM\0*", 4), Literal("II+\0", 4), Literal("MM\0+", 4)}) {
    if (HasBytesAt(encoded, 0, signature)) return FileFormat::kTiff;
  }
  if (HasBytesAt(encoded, 0, "RIFF") && HasBytesAt(encoded, 8, "WEBP")) return FileFormat::kWebp;
  return std::nullopt;
}

absl::StatusOr<PictureSize> ReadPngSize(absl::Span<const uint8_t> encoded) {
  if (encoded.size() < 33) return TruncatedHeader("PNG");
  if (LoadBig32(encoded.data() + 8) != 13 || !HasBytesAt(encoded, 12, "IHDR")) {
    return absl::InvalidArgumentError("damaged PNG: no header chunk at its start");
  }
  return PictureSize{LoadBig32(encoded.data() + 16), LoadBig32(encoded.data() + 20)};
}

absl::StatusOr<BmpHeader> ReadBmpHeader(absl::Span<const uint8_t> encoded) {
  constexpr uint32_t kFileHeaderBytes = 14;
  constexpr uint32_t kCoreHeaderBytes = 12;
  constexpr uint32_t kInfoHeaderBytes = 40;
  if (encoded.size() < kFileHeaderBytes + kCoreHeaderBytes) return TruncatedHeader("BMP");
  const uint32_t header_bytes = LoadLittle32(encoded.data() + kFileHeaderBytes);
  const bool core = header_bytes == kCoreHeaderBytes;
  if (!core && (header_bytes < kInfoHeaderBytes || header_bytes > 1024)) {
    return absl::InvalidArgumentError(absl::StrCat("damaged BMP: header of ", header_bytes, " bytes"));
  }
  if (encoded.size() < kFileHeaderBytes + header_bytes) return TruncatedHeader("BMP");
  const BmpFields fields = ReadBmpFields(encoded.data(), core);
  if (absl::Status status = CheckBmpEncoding(fields); !status.ok()) return status;
  BmpHeader header;
  header.size = {fields.width, std::abs(fields.height)};
  header.bits_per_pixel = static_cast<int>(fields.bits);
  header.pixel_offset = LoadLittle32(encoded.data() + 10);
  if (header.pixel_offset < int64_t{kFileHeaderBytes} + header_bytes) {
    return absl::InvalidArgumentError("damaged BMP: pixels start inside the header");
  }
  return header;
}

absl::StatusOr<PictureSize> ReadWebpSize(absl::Span<const uint8_t> encoded) {
  const size_t riff_bytes = encoded.size() < 8 ? 0 : LoadLittle32(encoded.data() + 4);
  const bool lossless = HasBytesAt(encoded, 12, "VP8L");
  if (encoded.size() < (lossless ? 25U : 30U)) return TruncatedHeader("WebP");
  if (riff_bytes + 8 > encoded.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("truncated WebP: ", riff_bytes + 8, " bytes announced, ", encoded.size(), " present"));
  }
  if (lossless) return ReadLosslessWebpSize(encoded);
  if (HasBytesAt(encoded, 12, "VP8 ")) return ReadLossyWebpSize(encoded);
  if (HasBytesAt(encoded, 12, "VP8X")) return ReadExtendedWebpSize(encoded);
  return absl::InvalidArgumentError("damaged WebP: unknown first chunk");
}

}  // namespace bayespfl::image_internal
