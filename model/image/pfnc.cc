// Raw camera pixels (PFNC) -> RGB8.
#include <algorithm>
#include <array>
#include <cstddef>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "model/image/byte_order.h"
#include "model/image/decode.h"
#include "model/image/image_limits.h"
#include "model/image/sample_scale.h"

namespace bayespfl {
namespace {

using image_internal::SampleScale;

struct KnownFormat {
  PixelFormat format;
  absl::string_view name;
  uint32_t pfnc_value;
};
// Names and values of PFNC 2.4.
constexpr std::array<KnownFormat, 13> kFormats = {{
    {PixelFormat::kMono8, "Mono8", 0x01080001},
    {PixelFormat::kMono10, "Mono10", 0x01100003},
    {PixelFormat::kMono12, "Mono12", 0x01100005},
    {PixelFormat::kMono16, "Mono16", 0x01100007},
    {PixelFormat::kMono12Packed, "Mono12Packed", 0x010C0006},
    {PixelFormat::kMono12p, "Mono12p", 0x010C0047},
    {PixelFormat::kBayerRG8, "BayerRG8", 0x01080009},
    {PixelFormat::kBayerGB8, "BayerGB8", 0x0108000A},
    {PixelFormat::kBayerGR8, "BayerGR8", 0x01080008},
    {PixelFormat::kBayerBG8, "BayerBG8", 0x0108000B},
    {PixelFormat::kRGB8, "RGB8", 0x02180014},
    {PixelFormat::kBGR8, "BGR8", 0x02180015},
    {PixelFormat::kRGBa8, "RGBa8", 0x02200016},
}};

KnownFormat Known(PixelFormat format) {
  for (const KnownFormat& known : kFormats) {
    if (known.format == format) return known;
  }
  return {format, "unknown", 0};
}

template <typename Predicate>
std::optional<PixelFormat> FindFormat(Predicate is_wanted) {
  const auto* const found = std::find_if(kFormats.begin(), kFormats.end(), is_wanted);
  if (found == kFormats.end()) return std::nullopt;
  return found->format;
}

int BitsPerPixel(PixelFormat format) {
  switch (format) {
    case PixelFormat::kMono8:
    case PixelFormat::kBayerRG8:
    case PixelFormat::kBayerGB8:
    case PixelFormat::kBayerGR8:
    case PixelFormat::kBayerBG8:
      return 8;
    case PixelFormat::kMono12Packed:
    case PixelFormat::kMono12p:
      return 12;
    case PixelFormat::kMono10:
    case PixelFormat::kMono12:
    case PixelFormat::kMono16:
      return 16;
    case PixelFormat::kRGB8:
    case PixelFormat::kBGR8:
      return 24;
    case PixelFormat::kRGBa8:
      return 32;
  }
  return 0;
}

// OpenCV names a Bayer pattern after the second row's second and third pixel, PFNC after the first row's first two.
std::optional<cv::ColorConversionCodes> BayerToRgbCode(PixelFormat format) {
  switch (format) {
    case PixelFormat::kBayerRG8:
      return cv::COLOR_BayerBG2RGB;
    case PixelFormat::kBayerGB8:
      return cv::COLOR_BayerGR2RGB;
    case PixelFormat::kBayerGR8:
      return cv::COLOR_BayerGB2RGB;
    case PixelFormat::kBayerBG8:
      return cv::COLOR_BayerRG2RGB;
    default:
      return std::nullopt;
  }
}

// Rows of packed formats start on a byte of their own.
int64_t RowBytes(const RawImage& raw) { return (raw.width * BitsPerPixel(raw.format) + 7) / 8; }

absl::Status CheckLayout(const RawImage& raw) {
  const int64_t row = RowBytes(raw);
  if (raw.stride != 0 && raw.stride < row) {
    return absl::InvalidArgumentError(absl::StrCat("stride is ", raw.stride, " bytes; a row of ", raw.width, " ",
                                                   PixelFormatName(raw.format), " pixels has ", row));
  }
  // Above the size of the data the stride only needs to be refused; clamping it keeps the products small.
  const auto size = static_cast<int64_t>(raw.data.size());
  const int64_t stride = raw.stride == 0 ? row : std::min(raw.stride, size + row);
  const int64_t least = stride * (raw.height - 1) + row;
  const int64_t most = stride * raw.height;
  if (size >= least && size <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("raw image has ", size, " bytes; ", raw.width, " x ", raw.height, " ",
                                                 PixelFormatName(raw.format), " pixels need ", most));
}

// Calls convert(row, out) for every row; `out` has room for width * 3 bytes.
template <typename Convert>
RgbImage ConvertRows(const RawImage& raw, Convert convert) {
  RgbImage image{static_cast<int>(raw.width), static_cast<int>(raw.height), {}};
  image.pixels.resize(image.pixel_count() * 3);
  const int64_t stride = raw.stride == 0 ? RowBytes(raw) : raw.stride;
  for (int64_t y = 0; y < raw.height; ++y) {
    convert(raw.data.data() + y * stride, image.pixels.data() + y * raw.width * 3);
  }
  return image;
}

// gray(row, x) -> 8-bit value of pixel x.
template <typename Gray>
RgbImage ConvertGray(const RawImage& raw, Gray gray) {
  return ConvertRows(raw, [&raw, gray](const uint8_t* row, uint8_t* out) {
    for (int64_t x = 0; x < raw.width; ++x) std::fill_n(out + x * 3, 3, gray(row, x));
  });
}

RgbImage ConvertMono16(const RawImage& raw, int bits) {
  return ConvertGray(raw, [scale = SampleScale(bits)](const uint8_t* row, int64_t x) {
    return scale(image_internal::LoadLittle16(row + x * 2));
  });
}

// GigE Vision: the outer bytes hold the upper eight bits of one pixel each, the middle byte both lower nibbles.
RgbImage ConvertMono12Packed(const RawImage& raw) {
  return ConvertGray(raw, [scale = SampleScale(12)](const uint8_t* row, int64_t x) {
    const uint8_t* group = row + x / 2 * 3;
    const bool second = x % 2 != 0;
    return scale(second ? (uint32_t{group[2]} << 4) | (group[1] >> 4) : (uint32_t{group[0]} << 4) | (group[1] & 0xfU));
  });
}

// PFNC: one little-endian stream of bits.
RgbImage ConvertMono12p(const RawImage& raw) {
  return ConvertGray(raw, [scale = SampleScale(12)](const uint8_t* row, int64_t x) {
    const uint8_t* group = row + x / 2 * 3;
    const bool second = x % 2 != 0;
    return scale(second ? (uint32_t{group[2]} << 4) | (group[1] >> 4) : ((group[1] & 0xfU) << 8) | group[0]);
  });
}

// `step` bytes per pixel with red, green and blue at the given places.
RgbImage ConvertColor(const RawImage& raw, int step, int red, int green, int blue) {
  return ConvertRows(raw, [=, &raw](const uint8_t* row, uint8_t* out) {
    for (int64_t x = 0; x < raw.width; ++x, row += step, out += 3) {
      out[0] = row[red];
      out[1] = row[green];
      out[2] = row[blue];
    }
  });
}

absl::StatusOr<RgbImage> ConvertBayer(const RawImage& raw, cv::ColorConversionCodes code) {
  if (raw.width < 2 || raw.height < 2) {
    return absl::InvalidArgumentError(absl::StrCat("raw image is ", raw.width, " x ", raw.height, " pixels; a ",
                                                   PixelFormatName(raw.format), " image needs at least 2 x 2"));
  }
  const int width = static_cast<int>(raw.width);
  const int height = static_cast<int>(raw.height);
  const int64_t stride = raw.stride == 0 ? RowBytes(raw) : raw.stride;
  RgbImage image{width, height, {}};
  image.pixels.resize(image.pixel_count() * 3);
  try {
    const cv::Mat mosaic(height, width, CV_8UC1, const_cast<uint8_t*>(raw.data.data()), static_cast<size_t>(stride));
    // OpenCV copies the outermost pixels from their neighbours. Mirroring by two pixels, which keeps the pattern,
    // gives them an interpolation of their own.
    constexpr int kBorder = 2;
    cv::Mat padded;
    cv::copyMakeBorder(mosaic, padded, kBorder, kBorder, kBorder, kBorder, cv::BORDER_REFLECT_101);
    cv::Mat color;
    cv::cvtColor(padded, color, code);
    cv::Mat result(height, width, CV_8UC3, image.pixels.data());
    color(cv::Rect(kBorder, kBorder, width, height)).copyTo(result);
  } catch (const cv::Exception& error) {
    return absl::InternalError(absl::StrCat("Bayer interpolation failed: ", error.err));
  }
  return image;
}

}  // namespace

absl::string_view PixelFormatName(PixelFormat format) { return Known(format).name; }

std::optional<PixelFormat> PixelFormatFromName(absl::string_view name) {
  return FindFormat([name](const KnownFormat& known) { return known.name == name; });
}

uint32_t PfncValue(PixelFormat format) { return Known(format).pfnc_value; }

std::optional<PixelFormat> PixelFormatFromPfncValue(uint32_t value) {
  return FindFormat([value](const KnownFormat& known) { return known.pfnc_value == value; });
}

absl::StatusOr<RgbImage> ConvertRawImage(const RawImage& raw, const ImageLimits& limits,
                                         std::optional<int> significant_bits) {
  if (BitsPerPixel(raw.format) == 0) return absl::InvalidArgumentError("unknown pixel format");
  if (absl::Status status = image_internal::CheckByteLimit(raw.data.size(), limits); !status.ok()) return status;
  if (absl::Status status = image_internal::CheckPixelLimit(raw.width, raw.height, limits); !status.ok()) return status;
  if (absl::Status status = image_internal::CheckSignificantBits(significant_bits); !status.ok()) return status;
  if (significant_bits.has_value() && raw.format != PixelFormat::kMono16) {
    return absl::InvalidArgumentError(
        absl::StrCat("significant_bits applies to Mono16 only, not to ", PixelFormatName(raw.format)));
  }
  if (absl::Status status = CheckLayout(raw); !status.ok()) return status;
  if (const auto code = BayerToRgbCode(raw.format); code.has_value()) return ConvertBayer(raw, *code);
  switch (raw.format) {
    case PixelFormat::kMono10:
      return ConvertMono16(raw, 10);
    case PixelFormat::kMono12:
      return ConvertMono16(raw, 12);
    case PixelFormat::kMono16:
      return ConvertMono16(raw, significant_bits.value_or(16));
    case PixelFormat::kMono12Packed:
      return ConvertMono12Packed(raw);
    case PixelFormat::kMono12p:
      return ConvertMono12p(raw);
    case PixelFormat::kRGB8:
      return ConvertColor(raw, 3, 0, 1, 2);
    case PixelFormat::kBGR8:
      return ConvertColor(raw, 3, 2, 1, 0);
    case PixelFormat::kRGBa8:
      return ConvertColor(raw, 4, 0, 1, 2);
    default:
      return ConvertGray(raw, [](const uint8_t* row, int64_t x) { return row[x]; });
  }
}

}  // namespace bayespfl
