#include "tests/support/exif.h"

#include <zlib.h>

#include <cstddef>
#include <cstdint>

#include "absl/strings/str_cat.h"

namespace bayespfl::testing {
namespace {

std::string BigEndian(uint32_t value, int bytes) {
  std::string text;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) text.push_back(static_cast<char>(value >> shift));
  return text;
}

std::string ExifData(Orientation orientation) {
  constexpr absl::string_view kUpToTheValue("MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0", 19);
  return absl::StrCat(kUpToTheValue, BigEndian(static_cast<uint32_t>(orientation), 1), std::string(6, '\0'));
}

}  // namespace

std::string WithExif(absl::string_view file, Orientation orientation) {
  const std::string data = ExifData(orientation);
  if (file.front() == '\xff') {
    constexpr size_t kMark = 2;  // start of image
    const std::string content = absl::StrCat(absl::string_view("Exif\0\0", 6), data);
    return absl::StrCat(file.substr(0, kMark), "\xff\xe1", BigEndian(static_cast<uint32_t>(2 + content.size()), 2),
                        content, file.substr(kMark));
  }
  constexpr size_t kFirstChunk = 8 + 25;  // signature and header
  const std::string typed = absl::StrCat("eXIf", data);
  const auto checksum = static_cast<uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(typed.data()), typed.size()));
  return absl::StrCat(file.substr(0, kFirstChunk), BigEndian(static_cast<uint32_t>(data.size()), 4), typed,
                      BigEndian(checksum, 4), file.substr(kFirstChunk));
}

}  // namespace bayespfl::testing
