#include "client/cpp/pixel_map.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "model/image/gray_png.h"

namespace bayespfl::client {
namespace {

// The wire is little-endian, like every machine this client is built for.
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);

constexpr uint32_t kMaxSide = 1 << 20;
constexpr size_t kMaxMaskPixels = size_t{1} << 30;

// All 0, of the size that the reply names; its bytes must have been found to fit.
bayespfl::PixelMap Empty(const inspection::v1::PixelMap& map) {
  return {.width = static_cast<int>(map.width()),
          .height = static_cast<int>(map.height()),
          .values = std::vector<float>(size_t{map.width()} * map.height())};
}

absl::StatusOr<bayespfl::PixelMap> DecodeFloat(const inspection::v1::PixelMap& map) {
  const uint64_t bytes = uint64_t{map.width()} * map.height() * sizeof(float);
  if (map.data().size() != bytes) {
    return absl::InvalidArgumentError(absl::StrCat("a float map of ", map.width(), " x ", map.height(), " has ",
                                                   map.data().size(), " bytes, not ", bytes));
  }
  bayespfl::PixelMap values = Empty(map);
  std::memcpy(values.values.data(), map.data().data(), map.data().size());
  return values;
}

// The gray PNG in a map or mask, of the size that it names.
template <typename Map>
absl::StatusOr<GrayImage> DecodePng(const Map& map, int bits) {
  constexpr int64_t kMostPixels = int64_t{1} << 30;
  const absl::Span<const uint8_t> bytes(reinterpret_cast<const uint8_t*>(map.data().data()), map.data().size());
  const ImageLimits limits{.max_bytes = std::numeric_limits<int64_t>::max(),
                           .max_pixels = std::min(int64_t{map.width()} * map.height(), kMostPixels)};
  absl::StatusOr<GrayImage> image = DecodeGrayPng(bytes, limits);
  if (!image.ok()) return absl::InvalidArgumentError(absl::StrCat("a map: ", image.status().message()));
  if (image->bits != bits || image->width != static_cast<int>(map.width()) ||
      image->height != static_cast<int>(map.height())) {
    return absl::InvalidArgumentError("a map is no PNG of the size and depth that the reply names");
  }
  return image;
}

absl::StatusOr<bayespfl::PixelMap> DecodePngMap(const inspection::v1::PixelMap& map, int bits) {
  const absl::StatusOr<GrayImage> image = DecodePng(map, bits);
  if (!image.ok()) return image.status();
  bayespfl::PixelMap values = Empty(map);
  const auto most = static_cast<float>((1 << bits) - 1);
  // Divided, not multiplied by the inverse: the nearest single to the value that was sent, in every client.
  std::transform(image->samples.begin(), image->samples.end(), values.values.begin(),
                 [most](uint16_t sample) { return static_cast<float>(sample) / most; });
  return values;
}

// The run lengths of COCO's compressed string (EncodeCocoRle() in model/image/encode.h says how they are written);
// nullopt: it is cut short, or holds other characters.
std::optional<std::vector<int64_t>> ReadRuns(absl::string_view text) {
  std::vector<int64_t> runs;
  int64_t value = 0;
  int shift = 0;
  for (const char c : text) {
    const int digit = c - '0';
    if (digit < 0 || digit > 63 || shift > 55) return std::nullopt;
    value |= static_cast<int64_t>(digit & 0x1f) << shift;
    shift += 5;
    if ((digit & 0x20) != 0) continue;
    if ((digit & 0x10) != 0) value |= -(int64_t{1} << shift);
    runs.push_back(runs.size() > 2 ? value + runs[runs.size() - 2] : value);
    value = 0;
    shift = 0;
  }
  if (shift != 0) return std::nullopt;
  return runs;
}

absl::StatusOr<MaskPixels> DecodeRuns(const inspection::v1::Mask& mask) {
  const absl::Status wrong = absl::InvalidArgumentError("a mask's run lengths are damaged");
  const std::optional<std::vector<int64_t>> runs = ReadRuns(mask.data());
  if (!runs.has_value()) return wrong;
  const size_t width = mask.width();
  const size_t height = mask.height();
  if (width * height > kMaxMaskPixels) return wrong;  // a few bytes can claim any number
  MaskPixels pixels{.width = static_cast<int>(width), .height = static_cast<int>(height), .values = {}};
  pixels.values.resize(width * height);
  size_t next = 0;  // column by column
  bool inside = false;
  for (const int64_t run : *runs) {
    if (run < 0 || static_cast<uint64_t>(run) > pixels.values.size() - next) return wrong;
    const size_t end = next + static_cast<size_t>(run);
    for (; next < end; ++next) pixels.values[next % height * width + next / height] = inside ? 1 : 0;
    inside = !inside;
  }
  if (next != pixels.values.size()) return wrong;
  return pixels;
}

template <typename Map>
absl::Status CheckSize(const Map& map) {
  if (map.width() >= 1 && map.height() >= 1 && map.width() <= kMaxSide && map.height() <= kMaxSide) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError("the reply carries no map, or one without a size");
}

}  // namespace

absl::StatusOr<bayespfl::PixelMap> DecodePixelMap(const inspection::v1::PixelMap& map) {
  if (absl::Status size = CheckSize(map); !size.ok()) return size;
  switch (map.encoding()) {
    case inspection::v1::MAP_ENCODING_FLOAT32:
      return DecodeFloat(map);
    case inspection::v1::MAP_ENCODING_PNG8:
      return DecodePngMap(map, 8);
    case inspection::v1::MAP_ENCODING_PNG16:
      return DecodePngMap(map, 16);
    default:
      return absl::InvalidArgumentError(absl::StrCat("unknown map encoding ", static_cast<int>(map.encoding())));
  }
}

absl::StatusOr<MaskPixels> DecodeMask(const inspection::v1::Mask& mask) {
  if (absl::Status size = CheckSize(mask); !size.ok()) return size;
  if (mask.encoding() == inspection::v1::MASK_ENCODING_COCO_RLE) return DecodeRuns(mask);
  if (mask.encoding() != inspection::v1::MASK_ENCODING_PNG8 && mask.encoding() != inspection::v1::MASK_ENCODING_PNG1) {
    return absl::InvalidArgumentError(absl::StrCat("unknown mask encoding ", static_cast<int>(mask.encoding())));
  }
  const absl::StatusOr<GrayImage> image = DecodePng(mask, 8);
  if (!image.ok()) return image.status();
  MaskPixels pixels{.width = image->width, .height = image->height, .values = {}};
  pixels.values.assign(image->samples.begin(), image->samples.end());
  return pixels;
}

}  // namespace bayespfl::client
