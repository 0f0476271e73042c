#include "model/image/png.h"

#include <png.h>
#include <zlib.h>

#include <algorithm>
#include <csetjmp>
#include <cstddef>
#include <cstring>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "model/image/byte_order.h"
#include "model/image/image_header.h"
#include "model/image/image_limits.h"

namespace bayespfl::image_internal {
namespace {

absl::Status Damaged(absl::string_view what) { return absl::InvalidArgumentError(absl::StrCat("damaged PNG: ", what)); }

bool IsCritical(absl::string_view type) { return type == "IHDR" || type == "PLTE" || type == "IDAT" || type == "IEND"; }

// Copies signature and critical chunks. Everything that ends before its end chunk is an error.
absl::StatusOr<std::vector<uint8_t>> KeepCriticalChunks(absl::Span<const uint8_t> encoded) {
  constexpr size_t kSignature = 8;
  constexpr size_t kFrame = 12;  // length, type and checksum
  constexpr uint8_t kAncillary = 0x20;
  std::vector<uint8_t> kept;
  kept.reserve(encoded.size());
  kept.assign(encoded.begin(), encoded.begin() + kSignature);
  absl::Span<const uint8_t> rest = encoded.subspan(kSignature);
  while (true) {
    if (rest.size() < kFrame || LoadBig32(rest.data()) > rest.size() - kFrame) {
      return absl::InvalidArgumentError("truncated PNG: the file ends before its end chunk");
    }
    const size_t length = LoadBig32(rest.data());
    const absl::string_view type(reinterpret_cast<const char*>(rest.data()) + 4, 4);
    if (IsCritical(type)) {
      if (crc32_z(0, rest.data() + 4, length + 4) != LoadBig32(rest.data() + 8 + length)) {
        return Damaged(absl::StrCat("wrong checksum of an ", type, " chunk"));
      }
      kept.insert(kept.end(), rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(length + kFrame));
    } else if ((rest[4] & kAncillary) == 0) {
      return Damaged("unknown critical chunk");
    }
    if (type == "IEND") return kept;
    rest.remove_prefix(length + kFrame);
  }
}

// What a row of the reader holds for each pixel.
enum class RowKind {
  kRgb8,
  kRgb16,  // big-endian
  kIndex,  // a byte, into the palette. libpng would expand it too, but takes what the palette lacks for black
};

// Owns one libpng reader. The library reports errors by calling back, and the callback must not return, so each method
// that enters the library is a setjmp target: it returns false after an error, with message() set. Such methods hold no
// object with a destructor, because the jump would skip it. After false only the destructor may follow.
class Reader {
 public:
  // `file` must stay alive while reading.
  explicit Reader(absl::Span<const uint8_t> file) : rest_(file) {}
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader() { png_destroy_read_struct(&png_, &info_, nullptr); }

  // Reads up to the pixels.
  bool ReadHeader() {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, &Fail, [](png_structp, png_const_charp) {});
    if (png_ == nullptr) return false;
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    info_ = png_create_info_struct(png_);
    if (info_ == nullptr) return false;
    png_set_user_limits(png_, uint32_t{kMaxSide}, uint32_t{kMaxSide});
    png_set_read_fn(png_, this, &Read);
    png_read_info(png_, info_);
    if (png_get_color_type(png_, info_) == PNG_COLOR_TYPE_PALETTE) {
      kind_ = RowKind::kIndex;
      png_get_PLTE(png_, info_, &palette_, &colors_);
      png_set_packing(png_);
    } else {
      kind_ = png_get_bit_depth(png_, info_) == 16 ? RowKind::kRgb16 : RowKind::kRgb8;
      png_set_expand_gray_1_2_4_to_8(png_);
      png_set_gray_to_rgb(png_);
      png_set_strip_alpha(png_);
    }
    passes_ = png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    return true;
  }

  // Once, after ReadHeader(): every row, in order, as often as the picture has passes; `row(y)` says where it goes, and
  // holds what it got in the pass before. `done(y)` is called after each of the last pass.
  template <typename Row, typename Done>
  bool ReadRows(Row row, Done done) {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    const uint32_t height = png_get_image_height(png_, info_);
    for (int pass = 1; pass <= passes_; ++pass) {
      for (uint32_t y = 0; y < height; ++y) {
        png_read_row(png_, row(y), nullptr);
        if (pass == passes_) done(y);
      }
    }
    png_read_end(png_, nullptr);
    return true;
  }

  [[nodiscard]] size_t row_bytes() const { return png_get_rowbytes(png_, info_); }
  [[nodiscard]] RowKind kind() const { return kind_; }
  [[nodiscard]] bool is_interlaced() const { return passes_ > 1; }
  [[nodiscard]] absl::Span<const png_color> palette() const { return {palette_, static_cast<size_t>(colors_)}; }
  [[nodiscard]] const char* message() const { return message_; }

 private:
  [[noreturn]] static void Fail(png_structp png, png_const_charp message) {
    auto* self = static_cast<Reader*>(png_get_error_ptr(png));
    std::strncpy(self->message_, message, sizeof(self->message_) - 1);
    png_longjmp(png, 1);
  }

  static void Read(png_structp png, png_bytep to, size_t size) {
    auto* self = static_cast<Reader*>(png_get_io_ptr(png));
    if (size > self->rest_.size()) png_error(png, "the file ends early");
    std::memcpy(to, self->rest_.data(), size);
    self->rest_.remove_prefix(size);
  }

  absl::Span<const uint8_t> rest_;  // of the file
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  int passes_ = 1;
  RowKind kind_ = RowKind::kRgb8;
  png_colorp palette_ = nullptr;  // belongs to info_
  int colors_ = 0;
  char message_[128] = "out of memory";  // as long as nothing else is known
};

size_t BytesPerPixel(RowKind kind) {
  switch (kind) {
    case RowKind::kRgb8:
      return 3;
    case RowKind::kRgb16:
      return 6;
    case RowKind::kIndex:
      return 1;
  }
  return 0;
}

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
absl::Status ReadPixels(Reader& reader, size_t width, size_t height, SampleScale scale, uint8_t* pixels) {
  const size_t row_bytes = reader.row_bytes();
  if (row_bytes != width * BytesPerPixel(reader.kind())) return Damaged("rows of an unknown kind");
  const auto target = [=](size_t y) { return pixels + 3 * width * y; };
  if (reader.kind() == RowKind::kRgb8) {
    return reader.ReadRows(target, [](size_t /*y*/) {}) ? absl::OkStatus() : Damaged(reader.message());
  }
  // One row is enough, but for interlaced pictures, whose passes come back to it.
  const size_t step = reader.is_interlaced() ? row_bytes : 0;
  std::vector<uint8_t> rows(std::max(row_bytes, step * height));
  const auto source = [&rows, step](size_t y) { return rows.data() + step * y; };
  bool palette_holds = true;
  const bool complete = reader.ReadRows(source, [&](size_t y) {
    if (reader.kind() == RowKind::kRgb16) return StoreWideRow(source(y), width, scale, target(y));
    palette_holds = StoreIndexRow(source(y), width, reader.palette(), scale, target(y)) && palette_holds;
  });
  if (!complete) return Damaged(reader.message());
  return palette_holds ? absl::OkStatus() : Damaged("a pixel has a colour that the palette lacks");
}

}  // namespace

absl::StatusOr<RgbImage> DecodePng(absl::Span<const uint8_t> encoded, const ImageLimits& limits, SampleScale scale) {
  const absl::StatusOr<PictureSize> size = ReadPngSize(encoded);
  if (!size.ok()) return size.status();
  if (absl::Status status = CheckPixelLimit(size->width, size->height, limits); !status.ok()) return status;
  const absl::StatusOr<std::vector<uint8_t>> kept = KeepCriticalChunks(encoded);
  if (!kept.ok()) return kept.status();
  Reader reader(*kept);
  if (!reader.ReadHeader()) return Damaged(reader.message());

  RgbImage image{static_cast<int>(size->width), static_cast<int>(size->height), {}};
  image.pixels.resize(image.pixel_count() * 3);
  absl::Status status = ReadPixels(reader, static_cast<size_t>(size->width), static_cast<size_t>(size->height), scale,
                                   image.pixels.data());
  if (!status.ok()) return status;
  return image;
}

}  // namespace bayespfl::image_internal
