// Raw camera pixels (PFNC) -> RGB8: checks the buffer and gives its rows to what knows their layout.
#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "model/image/decode.h"
#include "model/image/demosaic.h"
#include "model/image/image_limits.h"
#include "model/image/pixel_format_spec.h"
#include "model/image/raw_samples.h"
#include "model/image/sample_bits.h"
#include "model/image/sample_scale.h"
#include "model/image/yuv.h"

namespace bayespfl {
namespace {

using image_internal::FindSpec;
using image_internal::PixelFormatSpec;
using image_internal::PixelKind;
using image_internal::SampleLayout;
using image_internal::SampleScale;
using image_internal::UnpackSamples;

bool IsBayer(PixelKind kind) {
  return kind == PixelKind::kBayerRG || kind == PixelKind::kBayerGB || kind == PixelKind::kBayerGR ||
         kind == PixelKind::kBayerBG;
}

bool IsYuv(PixelKind kind) { return kind == PixelKind::kYuyv || kind == PixelKind::kUyvy; }

// Every row starts on a byte of its own.
int64_t RowBytes(const RawImage& raw, const PixelFormatSpec& spec) {
  return (raw.width * spec.bits_per_pixel() + 7) / 8;
}

absl::Status CheckBytes(const RawImage& raw, const PixelFormatSpec& spec) {
  const int64_t row = RowBytes(raw, spec);
  if (raw.stride != 0 && raw.stride < row) {
    return absl::InvalidArgumentError(
        absl::StrCat("stride is ", raw.stride, " bytes; a row of ", raw.width, " ", spec.name, " pixels has ", row));
  }
  if (raw.max_trailing_bytes < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("max_trailing_bytes is ", raw.max_trailing_bytes, "; it must be at least 0"));
  }
  // Above the size of the data stride and trailing bytes only need to be refused or allowed; clamping them keeps the
  // numbers small.
  const auto size = static_cast<int64_t>(raw.data.size());
  const int64_t stride = raw.stride == 0 ? row : std::min(raw.stride, size + row);
  const int64_t least = stride * (raw.height - 1) + row;
  const int64_t most = stride * raw.height;
  const int64_t trailing = std::min(raw.max_trailing_bytes, size);
  if (size >= least && size <= most + trailing) return absl::OkStatus();
  std::string message = absl::StrCat("raw image has ", size, " bytes; ", raw.width, " x ", raw.height, " ", spec.name,
                                     " pixels need ", most);
  if (size > most && raw.max_trailing_bytes > 0) {
    absl::StrAppend(&message, " and max_trailing_bytes allows ", raw.max_trailing_bytes, " more");
  } else if (size > most) {
    absl::StrAppend(&message, "; if what follows the pixels is chunk data, max_trailing_bytes allows it");
  }
  return absl::InvalidArgumentError(message);
}

// What the kind of format asks of the picture's sides.
absl::Status CheckSides(const RawImage& raw, const PixelFormatSpec& spec) {
  if (IsBayer(spec.kind) && (raw.width < 2 || raw.height < 2)) {
    return absl::InvalidArgumentError(absl::StrCat("raw image is ", raw.width, " x ", raw.height, " pixels; a ",
                                                   spec.name, " image needs at least 2 x 2"));
  }
  if (IsYuv(spec.kind) && raw.width % 2 != 0) {
    return absl::InvalidArgumentError(absl::StrCat("raw image is ", raw.width, " pixels wide; two pixels of ",
                                                   spec.name, " share their colour, so its width must be even"));
  }
  return absl::OkStatus();
}

absl::Status CheckBits(const RawImage& raw, std::optional<int> significant_bits) {
  if (absl::Status status = image_internal::CheckSignificantBits(significant_bits); !status.ok()) return status;
  if (!significant_bits.has_value() || TakesSignificantBits(raw.format)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("significant_bits applies to formats of 16 bits, such as Mono16; ",
                                                 PixelFormatName(raw.format), " has its own"));
}

// A checked picture on its way to RGB8.
class Conversion {
 public:
  Conversion(const RawImage& raw, const PixelFormatSpec& spec, std::optional<int> significant_bits)
      : raw_(raw),
        spec_(spec),
        bits_(significant_bits.value_or(spec.bits)),
        notes_bits_(spec.bits == 16 && !significant_bits.has_value()),
        stride_(raw.stride == 0 ? RowBytes(raw, spec) : raw.stride),
        image_{static_cast<int>(raw.width), static_cast<int>(raw.height), {}} {
    image_.pixels.resize(image_.pixel_count() * 3);
  }

  absl::StatusOr<RgbImage> Run() {
    if (IsBayer(spec_.kind)) {
      if (absl::Status status = spec_.bits == 8 ? DemosaicBytes() : DemosaicSamples(); !status.ok()) return status;
    } else if (spec_.layout == SampleLayout::kBytes) {
      ConvertBytes();
    } else {
      ConvertSamples();
    }
    if (notes_bits_) image_.sample_bits = image_internal::SampleBits(seen_);
    return std::move(image_);
  }

 private:
  const uint8_t* RowAt(int64_t y) const { return raw_.data.data() + y * stride_; }
  uint8_t* OutAt(int64_t y) { return image_.pixels.data() + y * raw_.width * 3; }

  // Calls convert(row, out) for every row; `out` has room for width * 3 bytes.
  template <typename Convert>
  void ConvertRows(Convert convert) {
    for (int64_t y = 0; y < raw_.height; ++y) convert(RowAt(y), OutAt(y));
  }

  void ConvertBytes() {
    switch (spec_.kind) {
      case PixelKind::kRgb:
        return ConvertRows(
            [bytes = raw_.width * 3](const uint8_t* row, uint8_t* out) { std::copy_n(row, bytes, out); });
      case PixelKind::kBgr:
        return ConvertColor<3, 2, 1, 0>();
      case PixelKind::kRgba:
        return ConvertColor<4, 0, 1, 2>();
      case PixelKind::kBgra:
        return ConvertColor<4, 2, 1, 0>();
      case PixelKind::kYuyv:
      case PixelKind::kUyvy:
        return ConvertRows([this](const uint8_t* row, uint8_t* out) {
          image_internal::ConvertYuv422Row(row, raw_.width / 2, spec_.kind == PixelKind::kYuyv, out);
        });
      default:
        return ConvertRows([this](const uint8_t* row, uint8_t* out) {
          for (int64_t x = 0; x < raw_.width; ++x) out[3 * x] = out[3 * x + 1] = out[3 * x + 2] = row[x];
        });
    }
  }

  // `step` bytes per pixel with red, green and blue at the given places: known to the compiler, which then takes many
  // pixels at once.
  template <int step, int red, int green, int blue>
  void ConvertColor() {
    ConvertRows([this](const uint8_t* row, uint8_t* out) {
      for (int64_t x = 0; x < raw_.width; ++x) {
        out[3 * x] = row[step * x + red];
        out[3 * x + 1] = row[step * x + green];
        out[3 * x + 2] = row[step * x + blue];
      }
    });
  }

  // Gray or RGB of more than 8 bits.
  void ConvertSamples() {
    const bool gray = spec_.kind == PixelKind::kGray;
    const SampleScale scale(bits_);
    std::vector<uint16_t> samples(static_cast<size_t>(raw_.width) * (gray ? 1 : 3));
    ConvertRows([&](const uint8_t* row, uint8_t* out) {
      Unpack(row, absl::MakeSpan(samples));
      for (const uint16_t sample : samples) {
        const uint8_t value = scale(sample);
        if (gray) *out++ = value, *out++ = value;
        *out++ = value;
      }
    });
  }

  absl::Status DemosaicBytes() {
    const auto width = static_cast<size_t>(raw_.width);
    return image_internal::Demosaic<uint8_t>({.width = image_.width,
                                              .height = image_.height,
                                              .pattern = spec_.kind,
                                              .read = [&](int y, uint8_t* row) { std::copy_n(RowAt(y), width, row); }},
                                             [&](int y, const uint8_t* rgb) { std::copy_n(rgb, width * 3, OutAt(y)); });
  }

  // Interpolated before anything is cut off, and with room for halves and quarters where 16 bits leave some.
  absl::Status DemosaicSamples() {
    const int shift = std::min(image_internal::kMeanBits, 16 - bits_);
    const uint32_t highest = (uint32_t{1} << bits_) - 1;
    const SampleScale scale(bits_, shift);
    const auto width = static_cast<size_t>(raw_.width);
    return image_internal::Demosaic<uint16_t>(
        {.width = image_.width,
         .height = image_.height,
         .pattern = spec_.kind,
         .read =
             [&](int y, uint16_t* row) {
               Unpack(RowAt(y), {row, width});
               for (uint16_t& sample : absl::MakeSpan(row, width)) {
                 sample = static_cast<uint16_t>(std::min<uint32_t>(sample, highest) << shift);
               }
             }},
        [&](int y, const uint16_t* rgb) { std::transform(rgb, rgb + width * 3, OutAt(y), scale); });
  }

  void Unpack(const uint8_t* row, absl::Span<uint16_t> samples) {
    UnpackSamples(spec_, row, samples);
    if (!notes_bits_) return;
    for (const uint16_t sample : samples) seen_ |= sample;
  }

  const RawImage& raw_;
  const PixelFormatSpec& spec_;
  const int bits_;         // that the samples fill
  const bool notes_bits_;  // they are taken to fill all 16 without anybody having said so
  const int64_t stride_;   // bytes
  RgbImage image_;
  uint32_t seen_ = 0;  // all samples ORed together, when noted
};

}  // namespace

absl::StatusOr<RgbImage> ConvertRawImage(const RawImage& raw, const ImageLimits& limits,
                                         std::optional<int> significant_bits) {
  const PixelFormatSpec* const spec = FindSpec(raw.format);
  if (spec == nullptr) return absl::InvalidArgumentError("unknown pixel format");
  if (absl::Status status = image_internal::CheckByteLimit(raw.data.size(), limits); !status.ok()) return status;
  if (absl::Status status = image_internal::CheckPixelLimit(raw.width, raw.height, limits); !status.ok()) return status;
  if (absl::Status status = CheckBits(raw, significant_bits); !status.ok()) return status;
  if (absl::Status status = CheckSides(raw, *spec); !status.ok()) return status;
  if (absl::Status status = CheckBytes(raw, *spec); !status.ok()) return status;
  return Conversion(raw, *spec, significant_bits).Run();
}

}  // namespace bayespfl
