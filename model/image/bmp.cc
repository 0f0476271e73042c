#include "model/image/bmp.h"

#include <algorithm>
#include <bit>
#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "model/image/bmp_header.h"
#include "model/image/bmp_run_lengths.h"
#include "model/image/byte_order.h"
#include "model/image/image_limits.h"

namespace bayespfl::image_internal {
namespace {

// One colour out of a pixel.
class Channel {
 public:
  explicit Channel(uint32_t mask) : shift_(mask == 0 ? 0 : std::countr_zero(mask)), max_(mask >> shift_) {}

  // round(255 v / max). There are no ties: 510 v is even, an odd multiple of the odd `max` is not.
  uint8_t operator()(uint32_t pixel) const {
    const uint64_t v = (pixel >> shift_) & max_;
    if (max_ == 255) return static_cast<uint8_t>(v);
    return max_ == 0 ? uint8_t{0} : static_cast<uint8_t>((510 * v + max_) / (2 * max_));
  }

 private:
  int shift_;
  uint64_t max_;
};

void StoreColorRow(const BmpHeader& header, const uint8_t* from, uint8_t* to) {
  const Channel red(header.masks[0]);
  const Channel green(header.masks[1]);
  const Channel blue(header.masks[2]);
  const int bytes = header.bits_per_pixel / 8;
  for (int64_t x = 0; x < header.size.width; ++x, from += bytes, to += 3) {
    const uint32_t pixel = bytes == 2 ? LoadLittle16(from) : bytes == 3 ? LoadLittle24(from) : LoadLittle32(from);
    to[0] = red(pixel);
    to[1] = green(pixel);
    to[2] = blue(pixel);
  }
}

// False when the palette lacks a colour.
bool StoreIndexRow(const BmpHeader& header, const uint8_t* from, uint8_t* to) {
  const int bits = header.bits_per_pixel;
  const uint32_t ones = (1U << bits) - 1;
  for (int64_t x = 0; x < header.size.width; ++x, to += 3) {
    const int64_t bit = x * bits;
    const uint32_t index = (uint32_t{from[bit / 8]} >> (8 - bits - bit % 8)) & ones;
    if (index >= header.palette.size()) return false;
    std::copy(header.palette[index].begin(), header.palette[index].end(), to);
  }
  return true;
}

// InvalidArgument when the pixels cannot all be in the `present` bytes: before there is memory for them.
absl::Status CheckBytes(const BmpHeader& header, int64_t present) {
  const PictureSize size = header.size;
  int64_t needed = header.row_bytes() * (size.height - 1) + (size.width * header.bits_per_pixel + 7) / 8;
  if (header.coding != BmpCoding::kRows) needed = size.width * size.height / 255 * 2;  // the longest runs
  if (needed <= present) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("truncated BMP: ", needed, " bytes of pixels needed, ", present, " present"));
}

absl::Status StoreRows(const BmpHeader& header, const uint8_t* rows, uint8_t* pixels) {
  for (int64_t y = 0; y < header.size.height; ++y) {
    const uint8_t* from = rows + header.row_bytes() * y;
    const int64_t row = header.top_down ? y : header.size.height - 1 - y;
    uint8_t* to = pixels + row * header.size.width * 3;
    if (header.bits_per_pixel > 8) {
      StoreColorRow(header, from, to);
    } else if (!StoreIndexRow(header, from, to)) {
      return absl::InvalidArgumentError("damaged BMP: a pixel has a colour that the palette lacks");
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<RgbImage> DecodeBmp(absl::Span<const uint8_t> encoded, const ImageLimits& limits) {
  const absl::StatusOr<BmpHeader> header = ReadBmpHeader(encoded);
  if (!header.ok()) return header.status();
  const PictureSize size = header->size;
  if (absl::Status status = CheckPixelLimit(size.width, size.height, limits); !status.ok()) return status;
  const absl::Span<const uint8_t> packed = encoded.subspan(static_cast<size_t>(header->pixel_offset));
  if (absl::Status status = CheckBytes(*header, static_cast<int64_t>(packed.size())); !status.ok()) return status;

  RgbImage image{static_cast<int>(size.width), static_cast<int>(size.height), {}};
  image.pixels.resize(image.pixel_count() * 3);
  absl::Status status = header->coding == BmpCoding::kRows ? StoreRows(*header, packed.data(), image.pixels.data())
                                                           : ReadBmpRunLengths(*header, packed, image.pixels.data());
  if (!status.ok()) return status;
  return image;
}

}  // namespace bayespfl::image_internal
