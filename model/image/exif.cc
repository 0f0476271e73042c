// Finding EXIF data in the formats that carry it. Facts: JPEG's APP1 segment (EXIF 2.32, 4.7.2), PNG's eXIf chunk (PNG
// 3, 11.3.4.7), WebP's EXIF chunk (its container specification).
#include <zlib.h>

#include <algorithm>
#include <cstddef>
#include <optional>

#include "absl/strings/string_view.h"
#include "model/image/byte_order.h"
#include "model/image/image_header.h"
#include "model/image/orientation.h"
#include "model/image/tiff_directory.h"

namespace bayespfl {
namespace {

using image_internal::FileFormat;
using Bytes = absl::Span<const uint8_t>;

constexpr absl::string_view kExifMark("Exif\0\0", 6);

bool StartsWith(Bytes data, absl::string_view expected) {
  return data.size() >= expected.size() && std::equal(expected.begin(), expected.end(), data.begin(),
                                                      [](char a, uint8_t b) { return static_cast<uint8_t>(a) == b; });
}

// Each finds the data of the first EXIF block, without its mark; empty if there is none.

Bytes FindInJpeg(Bytes file) {
  constexpr uint8_t kApp1 = 0xe1;
  constexpr uint8_t kStartOfScan = 0xda;
  file.remove_prefix(2);
  // Segments up to the first scan: a marker, and a length that counts its own two bytes.
  while (file.size() >= 4 && file[0] == 0xff) {
    if (file[1] == 0xff) {  // a fill byte
      file.remove_prefix(1);
      continue;
    }
    const size_t length = image_internal::LoadBig16(file.data() + 2);
    if (file[1] == kStartOfScan || length < 2 || length > file.size() - 2) break;
    Bytes content = file.subspan(4, length - 2);
    if (file[1] == kApp1 && StartsWith(content, kExifMark)) return content.subspan(kExifMark.size());
    file.remove_prefix(2 + length);
  }
  return {};
}

Bytes FindInPng(Bytes file) {
  constexpr size_t kFrame = 12;  // length, type and checksum of a chunk
  file.remove_prefix(8);
  while (file.size() >= kFrame) {
    const size_t length = image_internal::LoadBig32(file.data());
    if (length > file.size() - kFrame) break;
    const Bytes typed = file.subspan(4, 4 + length);
    if (StartsWith(typed, "eXIf")) {
      const auto checksum = static_cast<uint32_t>(crc32_z(0, typed.data(), typed.size()));
      return checksum == image_internal::LoadBig32(typed.end()) ? typed.subspan(4) : Bytes();
    }
    file.remove_prefix(kFrame + length);
  }
  return {};
}

Bytes FindInWebp(Bytes file) {
  constexpr size_t kHead = 8;  // type and length of a chunk, whose content is padded to an even length
  file.remove_prefix(12);
  while (file.size() >= kHead) {
    const size_t length = image_internal::LoadLittle32(file.data() + 4);
    if (length > file.size() - kHead) break;
    Bytes content = file.subspan(kHead, length);
    if (StartsWith(file, "EXIF")) {
      // Some writers keep the mark that only JPEG needs.
      return StartsWith(content, kExifMark) ? content.subspan(kExifMark.size()) : content;
    }
    file.remove_prefix(std::min(file.size(), kHead + length + length % 2));
  }
  return {};
}

Bytes FindExif(Bytes encoded) {
  const std::optional<FileFormat> format = image_internal::SniffFormat(encoded);
  if (!format.has_value()) return {};
  switch (*format) {
    case FileFormat::kJpeg:
      return FindInJpeg(encoded);
    case FileFormat::kPng:
      return FindInPng(encoded);
    case FileFormat::kWebp:
      return FindInWebp(encoded);
    case FileFormat::kBmp:
    case FileFormat::kTiff:
      break;
  }
  return {};
}

}  // namespace

Orientation ExifOrientation(Bytes encoded) {
  const Bytes exif = FindExif(encoded);
  if (image_internal::SniffFormat(exif) != FileFormat::kTiff) return Orientation::kUpright;
  const auto directory = image_internal::TiffDirectory::Read(image_internal::TiffBytes(exif));
  if (!directory.ok()) return Orientation::kUpright;
  return OrientationFromTag(directory->Value(image_internal::TiffTag::kOrientation, 1));
}

}  // namespace bayespfl
