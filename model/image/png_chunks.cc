#include "model/image/png_chunks.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "model/image/byte_order.h"

namespace bayespfl::image_internal {
namespace {

constexpr size_t kSignature = 8;
constexpr size_t kFrame = 12;  // length, type and checksum
constexpr std::array<uint8_t, kFrame> kEndChunk = {0, 0, 0, 0, 'I', 'E', 'N', 'D', 0xae, 0x42, 0x60, 0x82};

bool IsCritical(absl::string_view type) { return type == "IHDR" || type == "PLTE" || type == "IDAT" || type == "IEND"; }

bool IsAncillary(absl::string_view type) { return absl::ascii_islower(static_cast<unsigned char>(type[0])); }

absl::Status UnknownChunk(absl::string_view type) {
  if (std::all_of(type.begin(), type.end(), [](unsigned char c) { return absl::ascii_isalpha(c); })) {
    return absl::InvalidArgumentError(absl::StrCat("unsupported PNG: the critical chunk ", type));
  }
  return absl::InvalidArgumentError("damaged PNG: a chunk has no name");
}

}  // namespace

absl::StatusOr<CriticalPngChunks> KeepCriticalChunks(absl::Span<const uint8_t> encoded) {
  CriticalPngChunks kept;
  kept.file.reserve(encoded.size() + kEndChunk.size());
  kept.file.assign(encoded.begin(), encoded.begin() + kSignature);
  absl::Span<const uint8_t> rest = encoded.subspan(kSignature);
  while (true) {
    const absl::string_view type(reinterpret_cast<const char*>(rest.data()) + 4, rest.size() < 8 ? 0 : 4);
    if (rest.size() < kFrame || LoadBig32(rest.data()) > rest.size() - kFrame) {
      if (IsCritical(type) && type != "IEND") {
        return absl::InvalidArgumentError(absl::StrCat("truncated PNG: the file ends inside an ", type, " chunk"));
      }
      kept.is_cut = true;
      kept.file.insert(kept.file.end(), kEndChunk.begin(), kEndChunk.end());
      return kept;
    }
    const size_t length = LoadBig32(rest.data());
    if (IsCritical(type)) {
      if (crc32_z(0, rest.data() + 4, length + 4) != LoadBig32(rest.data() + 8 + length)) {
        return absl::InvalidArgumentError(absl::StrCat("damaged PNG: wrong checksum of an ", type, " chunk"));
      }
      kept.file.insert(kept.file.end(), rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(length + kFrame));
    } else if (!IsAncillary(type)) {
      return UnknownChunk(type);
    }
    if (type == "IEND") return kept;
    rest.remove_prefix(length + kFrame);
  }
}

}  // namespace bayespfl::image_internal
