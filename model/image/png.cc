#include "model/image/png.h"

#include <png.h>

#include <algorithm>
#include <cstddef>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "model/image/image_header.h"
#include "model/image/image_limits.h"
#include "model/image/png_chunks.h"
#include "model/image/png_reader.h"

namespace bayespfl::image_internal {
namespace {

absl::Status Damaged(absl::string_view what) { return absl::InvalidArgumentError(absl::StrCat("damaged PNG: ", what)); }

void StoreWideRow(const uint8_t* from, size_t width, SampleScale scale, uint8_t* to) {
  for (size_t i = 0; i < 3 * width; ++i, from += 2) to[i] = scale((uint32_t{from[0]} << 8) | from[1]);
}

// False when the palette lacks a colour.
bool StoreIndexRow(const uint8_t* from, size_t width, absl::Span<const png_color> palette, SampleScale scale,
                   uint8_t* to) {
  for (size_t x = 0; x < width; ++x, to += 3) {
    if (from[x] >= palette.size()) return false;
    if (scale.labels()) {
      std::fill_n(to, 3, scale(from[x]));
      continue;
    }
    const png_color& color = palette[from[x]];
    to[0] = color.red;
    to[1] = color.green;
    to[2] = color.blue;
  }
  return true;
}

// Reads the rows into `pixels`, RGB8.
absl::Status ReadPixels(PngReader& reader, size_t width, size_t height, SampleScale scale, uint8_t* pixels) {
  const size_t row_bytes = reader.row_bytes();
  if (row_bytes != width * BytesPerPixel(reader.kind())) return Damaged("rows of an unknown kind");
  const auto target = [=](size_t y) { return pixels + 3 * width * y; };
  if (reader.kind() == PngRowKind::kRgb8) {
    return reader.ReadRows(target, [](size_t /*y*/) {}) ? absl::OkStatus() : Damaged(reader.message());
  }
  // One row is enough, but for interlaced pictures, whose passes come back to it.
  const size_t step = reader.is_interlaced() ? row_bytes : 0;
  std::vector<uint8_t> rows(std::max(row_bytes, step * height));
  const auto source = [&rows, step](size_t y) { return rows.data() + step * y; };
  bool palette_holds = true;
  const bool complete = reader.ReadRows(source, [&](size_t y) {
    if (reader.kind() == PngRowKind::kRgb16) return StoreWideRow(source(y), width, scale, target(y));
    palette_holds = StoreIndexRow(source(y), width, reader.palette(), scale, target(y)) && palette_holds;
  });
  if (!complete) return Damaged(reader.message());
  return palette_holds ? absl::OkStatus() : Damaged("a pixel has a colour that the palette lacks");
}

// Samples of a pixel, by IHDR's colour type; 1 for types that there are not.
int64_t SamplesOf(uint8_t color_type) {
  switch (color_type) {
    case PNG_COLOR_TYPE_RGB:
      return 3;
    case PNG_COLOR_TYPE_GRAY_ALPHA:
      return 2;
    case PNG_COLOR_TYPE_RGB_ALPHA:
      return 4;
    default:
      return 1;
  }
}

// Whether so many bytes may hold the pixels that the header announces: Deflate makes at most 1032 bytes of one.
bool MayHold(absl::Span<const uint8_t> encoded, PictureSize size, size_t bytes) {
  constexpr size_t kDepthAt = 24;
  constexpr int64_t kLargestExpansion = 1032;
  const int64_t bits = encoded[kDepthAt] * SamplesOf(encoded[kDepthAt + 1]);
  const int64_t unpacked = size.height * ((size.width * bits + 7) / 8);
  return unpacked / kLargestExpansion <= static_cast<int64_t>(bytes);
}

}  // namespace

absl::StatusOr<RgbImage> DecodePng(absl::Span<const uint8_t> encoded, const ImageLimits& limits, SampleScale scale) {
  const absl::StatusOr<PictureSize> size = ReadPngSize(encoded);
  if (!size.ok()) return size.status();
  if (absl::Status status = CheckPixelLimit(size->width, size->height, limits); !status.ok()) return status;
  const absl::StatusOr<CriticalPngChunks> chunks = KeepCriticalChunks(encoded);
  if (!chunks.ok()) return chunks.status();
  const absl::Status cut = absl::InvalidArgumentError("truncated PNG: the file ends before its last pixel");
  PngReader reader(chunks->file);
  if (!reader.ReadHeader()) return chunks->is_cut ? cut : Damaged(reader.message());
  // Before there is memory for what cannot be there.
  if (!MayHold(encoded, *size, chunks->file.size())) return chunks->is_cut ? cut : Damaged("too little data");

  RgbImage image{static_cast<int>(size->width), static_cast<int>(size->height), {}};
  image.pixels.resize(image.pixel_count() * 3);
  absl::Status status = ReadPixels(reader, static_cast<size_t>(size->width), static_cast<size_t>(size->height), scale,
                                   image.pixels.data());
  if (!status.ok()) return chunks->is_cut ? cut : status;
  return image;
}

}  // namespace bayespfl::image_internal
