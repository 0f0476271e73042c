#include "model/image/image_header.h"

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
