#include "model/image/gray_png.h"

#include <algorithm>
#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "model/image/byte_order.h"
#include "model/image/image_header.h"
#include "model/image/image_limits.h"
#include "model/image/png_chunks.h"
#include "model/image/png_reader.h"

namespace bayespfl {
namespace {

using image_internal::PngReader;
using image_internal::PngRowKind;

absl::Status Refused(absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("no gray PNG that can be read: ", why));
}

bool ReadSamples(PngReader& reader, GrayImage& image) {
  const auto width = static_cast<size_t>(image.width);
  const size_t row_bytes = width * BytesPerPixel(reader.kind());
  // Whole, since the passes of an interlaced file come back to each row.
  std::vector<uint8_t> rows(row_bytes * static_cast<size_t>(image.height));
  const auto row = [&](size_t y) { return rows.data() + row_bytes * y; };
  return reader.ReadRows(row, [&](size_t y) {
    uint16_t* to = image.samples.data() + width * y;
    if (image.bits == 8) {
      std::copy_n(row(y), width, to);
      return;
    }
    for (size_t x = 0; x < width; ++x) to[x] = static_cast<uint16_t>(image_internal::LoadBig16(row(y) + 2 * x));
  });
}

}  // namespace

absl::StatusOr<GrayImage> DecodeGrayPng(absl::Span<const uint8_t> encoded, const ImageLimits& limits) {
  if (absl::Status status = image_internal::CheckByteLimit(encoded.size(), limits); !status.ok()) return status;
  if (image_internal::SniffFormat(encoded) != image_internal::FileFormat::kPng) return Refused("it is no PNG");
  const absl::StatusOr<image_internal::PictureSize> size = image_internal::ReadPngSize(encoded);
  if (!size.ok()) return size.status();
  if (absl::Status status = image_internal::CheckPixelLimit(size->width, size->height, limits); !status.ok()) {
    return status;
  }
  const absl::StatusOr<image_internal::CriticalPngChunks> chunks = image_internal::KeepCriticalChunks(encoded);
  if (!chunks.ok()) return chunks.status();
  PngReader reader(chunks->file);
  if (!reader.ReadGrayHeader()) return Refused(reader.message());
  GrayImage image{.width = static_cast<int>(size->width),
                  .height = static_cast<int>(size->height),
                  .bits = reader.kind() == PngRowKind::kGray16 ? 16 : 8,
                  .samples = {}};
  image.samples.resize(static_cast<size_t>(size->width * size->height));
  if (reader.row_bytes() != static_cast<size_t>(size->width) * BytesPerPixel(reader.kind())) {
    return Refused("rows of an unknown kind");
  }
  if (!ReadSamples(reader, image)) return Refused(reader.message());
  return image;
}

}  // namespace bayespfl
