#include "model/image/pixel_format.h"

#include <algorithm>
#include <array>

#include "model/image/pixel_format_spec.h"

namespace bayespfl {

using image_internal::FindSpec;
using image_internal::PixelFormatSpec;
using image_internal::PixelKind;
using image_internal::SampleLayout;

namespace {

// Names and values of PFNC 2.4.
constexpr std::array<PixelFormatSpec, 51> kFormats = {{
    {PixelFormat::kMono8, "Mono8", 0x01080001, SampleLayout::kBytes, 8, PixelKind::kGray},
    {PixelFormat::kMono10, "Mono10", 0x01100003, SampleLayout::kWords, 10, PixelKind::kGray},
    {PixelFormat::kMono12, "Mono12", 0x01100005, SampleLayout::kWords, 12, PixelKind::kGray},
    {PixelFormat::kMono14, "Mono14", 0x01100025, SampleLayout::kWords, 14, PixelKind::kGray},
    {PixelFormat::kMono16, "Mono16", 0x01100007, SampleLayout::kWords, 16, PixelKind::kGray},
    {PixelFormat::kMono10p, "Mono10p", 0x010A0046, SampleLayout::kBitStream, 10, PixelKind::kGray},
    {PixelFormat::kMono12p, "Mono12p", 0x010C0047, SampleLayout::kBitStream, 12, PixelKind::kGray},
    {PixelFormat::kMono10Packed, "Mono10Packed", 0x010C0004, SampleLayout::kPairs, 10, PixelKind::kGray},
    {PixelFormat::kMono12Packed, "Mono12Packed", 0x010C0006, SampleLayout::kPairs, 12, PixelKind::kGray},
    {PixelFormat::kBayerGR8, "BayerGR8", 0x01080008, SampleLayout::kBytes, 8, PixelKind::kBayerGR},
    {PixelFormat::kBayerRG8, "BayerRG8", 0x01080009, SampleLayout::kBytes, 8, PixelKind::kBayerRG},
    {PixelFormat::kBayerGB8, "BayerGB8", 0x0108000A, SampleLayout::kBytes, 8, PixelKind::kBayerGB},
    {PixelFormat::kBayerBG8, "BayerBG8", 0x0108000B, SampleLayout::kBytes, 8, PixelKind::kBayerBG},
    {PixelFormat::kBayerGR10, "BayerGR10", 0x0110000C, SampleLayout::kWords, 10, PixelKind::kBayerGR},
    {PixelFormat::kBayerRG10, "BayerRG10", 0x0110000D, SampleLayout::kWords, 10, PixelKind::kBayerRG},
    {PixelFormat::kBayerGB10, "BayerGB10", 0x0110000E, SampleLayout::kWords, 10, PixelKind::kBayerGB},
    {PixelFormat::kBayerBG10, "BayerBG10", 0x0110000F, SampleLayout::kWords, 10, PixelKind::kBayerBG},
    {PixelFormat::kBayerGR12, "BayerGR12", 0x01100010, SampleLayout::kWords, 12, PixelKind::kBayerGR},
    {PixelFormat::kBayerRG12, "BayerRG12", 0x01100011, SampleLayout::kWords, 12, PixelKind::kBayerRG},
    {PixelFormat::kBayerGB12, "BayerGB12", 0x01100012, SampleLayout::kWords, 12, PixelKind::kBayerGB},
    {PixelFormat::kBayerBG12, "BayerBG12", 0x01100013, SampleLayout::kWords, 12, PixelKind::kBayerBG},
    {PixelFormat::kBayerGR16, "BayerGR16", 0x0110002E, SampleLayout::kWords, 16, PixelKind::kBayerGR},
    {PixelFormat::kBayerRG16, "BayerRG16", 0x0110002F, SampleLayout::kWords, 16, PixelKind::kBayerRG},
    {PixelFormat::kBayerGB16, "BayerGB16", 0x01100030, SampleLayout::kWords, 16, PixelKind::kBayerGB},
    {PixelFormat::kBayerBG16, "BayerBG16", 0x01100031, SampleLayout::kWords, 16, PixelKind::kBayerBG},
    {PixelFormat::kBayerGR10Packed, "BayerGR10Packed", 0x010C0026, SampleLayout::kPairs, 10, PixelKind::kBayerGR},
    {PixelFormat::kBayerRG10Packed, "BayerRG10Packed", 0x010C0027, SampleLayout::kPairs, 10, PixelKind::kBayerRG},
    {PixelFormat::kBayerGB10Packed, "BayerGB10Packed", 0x010C0028, SampleLayout::kPairs, 10, PixelKind::kBayerGB},
    {PixelFormat::kBayerBG10Packed, "BayerBG10Packed", 0x010C0029, SampleLayout::kPairs, 10, PixelKind::kBayerBG},
    {PixelFormat::kBayerGR12Packed, "BayerGR12Packed", 0x010C002A, SampleLayout::kPairs, 12, PixelKind::kBayerGR},
    {PixelFormat::kBayerRG12Packed, "BayerRG12Packed", 0x010C002B, SampleLayout::kPairs, 12, PixelKind::kBayerRG},
    {PixelFormat::kBayerGB12Packed, "BayerGB12Packed", 0x010C002C, SampleLayout::kPairs, 12, PixelKind::kBayerGB},
    {PixelFormat::kBayerBG12Packed, "BayerBG12Packed", 0x010C002D, SampleLayout::kPairs, 12, PixelKind::kBayerBG},
    {PixelFormat::kBayerGR10p, "BayerGR10p", 0x010A0056, SampleLayout::kBitStream, 10, PixelKind::kBayerGR},
    {PixelFormat::kBayerRG10p, "BayerRG10p", 0x010A0058, SampleLayout::kBitStream, 10, PixelKind::kBayerRG},
    {PixelFormat::kBayerGB10p, "BayerGB10p", 0x010A0054, SampleLayout::kBitStream, 10, PixelKind::kBayerGB},
    {PixelFormat::kBayerBG10p, "BayerBG10p", 0x010A0052, SampleLayout::kBitStream, 10, PixelKind::kBayerBG},
    {PixelFormat::kBayerGR12p, "BayerGR12p", 0x010C0057, SampleLayout::kBitStream, 12, PixelKind::kBayerGR},
    {PixelFormat::kBayerRG12p, "BayerRG12p", 0x010C0059, SampleLayout::kBitStream, 12, PixelKind::kBayerRG},
    {PixelFormat::kBayerGB12p, "BayerGB12p", 0x010C0055, SampleLayout::kBitStream, 12, PixelKind::kBayerGB},
    {PixelFormat::kBayerBG12p, "BayerBG12p", 0x010C0053, SampleLayout::kBitStream, 12, PixelKind::kBayerBG},
    {PixelFormat::kRGB8, "RGB8", 0x02180014, SampleLayout::kBytes, 8, PixelKind::kRgb},
    {PixelFormat::kBGR8, "BGR8", 0x02180015, SampleLayout::kBytes, 8, PixelKind::kBgr},
    {PixelFormat::kRGBa8, "RGBa8", 0x02200016, SampleLayout::kBytes, 8, PixelKind::kRgba},
    {PixelFormat::kBGRa8, "BGRa8", 0x02200017, SampleLayout::kBytes, 8, PixelKind::kBgra},
    {PixelFormat::kRGB10, "RGB10", 0x02300018, SampleLayout::kWords, 10, PixelKind::kRgb},
    {PixelFormat::kRGB12, "RGB12", 0x0230001A, SampleLayout::kWords, 12, PixelKind::kRgb},
    {PixelFormat::kRGB16, "RGB16", 0x02300033, SampleLayout::kWords, 16, PixelKind::kRgb},
    {PixelFormat::kYUV422_8, "YUV422_8", 0x02100032, SampleLayout::kBytes, 8, PixelKind::kYuyv},
    {PixelFormat::kYUV422_8_UYVY, "YUV422_8_UYVY", 0x0210001F, SampleLayout::kBytes, 8, PixelKind::kUyvy},
    {PixelFormat::kYCbCr422_8, "YCbCr422_8", 0x0210003B, SampleLayout::kBytes, 8, PixelKind::kYuyv},
}};

template <typename Predicate>
const PixelFormatSpec* Find(Predicate is_wanted) {
  const auto* const found = std::find_if(kFormats.begin(), kFormats.end(), is_wanted);
  return found == kFormats.end() ? nullptr : found;
}

std::optional<PixelFormat> FormatOf(const PixelFormatSpec* spec) {
  return spec == nullptr ? std::nullopt : std::optional(spec->format);
}

}  // namespace

const PixelFormatSpec* image_internal::FindSpec(PixelFormat format) {
  return Find([format](const PixelFormatSpec& known) { return known.format == format; });
}

std::vector<PixelFormat> AllPixelFormats() {
  std::vector<PixelFormat> formats;
  formats.reserve(kFormats.size());
  for (const PixelFormatSpec& known : kFormats) formats.push_back(known.format);
  return formats;
}

absl::string_view PixelFormatName(PixelFormat format) {
  const PixelFormatSpec* const spec = FindSpec(format);
  return spec == nullptr ? "unknown" : spec->name;
}

std::optional<PixelFormat> PixelFormatFromName(absl::string_view name) {
  return FormatOf(Find([name](const PixelFormatSpec& known) { return known.name == name; }));
}

uint32_t PfncValue(PixelFormat format) {
  const PixelFormatSpec* const spec = FindSpec(format);
  return spec == nullptr ? 0 : spec->pfnc_value;
}

std::optional<PixelFormat> PixelFormatFromPfncValue(uint32_t value) {
  return FormatOf(Find([value](const PixelFormatSpec& known) { return known.pfnc_value == value; }));
}

bool TakesSignificantBits(PixelFormat format) {
  const PixelFormatSpec* const spec = FindSpec(format);
  return spec != nullptr && spec->bits == 16;
}

}  // namespace bayespfl
