#include "model/image/tiff_format.h"

#include <algorithm>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "model/image/image_limits.h"

namespace bayespfl::image_internal {
namespace {

constexpr uint32_t kMaxSamples = 6;  // RGB and three more, as the reference reads; bounds what a block may hold

std::string CompressionName(uint64_t value) {
  switch (value) {
    case 2:
    case 3:
    case 4:
      return "CCITT fax compression";
    case 6:
      return "old-style JPEG compression";
    case 34712:
      return "JPEG 2000 compression";
    case 34887:
      return "LERC compression";
    case 34925:
      return "LZMA compression";
    case 50000:
      return "Zstandard compression";
    case 50001:
      return "WebP compression";
    default:
      return absl::StrCat("compression ", value);
  }
}

std::string PhotometricName(uint64_t value) {
  switch (value) {
    case 4:
      return "a transparency mask";
    case 5:
      return "CMYK colours";
    case 6:
      return "YCbCr colours without JPEG compression";
    case 8:
    case 9:
    case 10:
      return "Lab colours";
    case 32803:
      return "raw sensor samples (a colour filter array)";
    default:
      return absl::StrCat("colour space (photometric ", value, ")");
  }
}

absl::Status CheckSampleKind(const TiffDirectory& directory, const TiffEncoding& encoding) {
  const auto bits = static_cast<uint64_t>(encoding.bits);
  // A single value may stand for all samples.
  const uint64_t first_format = directory.Value(TiffTag::kSampleFormat, 1);
  for (uint64_t i = 0; i < static_cast<uint64_t>(encoding.samples); ++i) {
    if (directory.Value(TiffTag::kBitsPerSample, bits, i) != bits) return UnsupportedTiff("samples of unequal bits");
    const uint64_t format = directory.Value(TiffTag::kSampleFormat, first_format, i);
    if (format == 2) return UnsupportedTiff("signed samples");
    if (format == 3) return UnsupportedTiff("floating-point samples");
    if (format != 1 && format != 4) return UnsupportedTiff(absl::StrCat("sample format ", format));
  }
  return absl::OkStatus();
}

absl::StatusOr<TiffColors> ReadColors(const TiffDirectory& directory, const TiffEncoding& encoding) {
  if (directory.Count(TiffTag::kPhotometric) == 0) {
    return UnsupportedTiff("no PhotometricInterpretation; whether 0 is black is anyone's guess");
  }
  const uint64_t photometric = directory.Value(TiffTag::kPhotometric, 0);
  switch (photometric) {
    case 0:
      return TiffColors::kWhiteIsZero;
    case 1:
      return TiffColors::kBlackIsZero;
    case 2:
      return TiffColors::kRgb;
    case 3:
      return TiffColors::kPalette;
    case 6:
      if (encoding.compression == TiffCompression::kJpeg && encoding.samples == 3 && !encoding.separate) {
        return TiffColors::kYCbCr;
      }
      break;
    default:
      break;
  }
  return UnsupportedTiff(PhotometricName(photometric));
}

absl::string_view ColorsName(TiffColors colors) {
  switch (colors) {
    case TiffColors::kWhiteIsZero:
      return "white is zero";
    case TiffColors::kBlackIsZero:
      return "black is zero";
    case TiffColors::kPalette:
      return "palette";
    case TiffColors::kRgb:
    case TiffColors::kYCbCr:
      break;
  }
  return "RGB";
}

// Whether it is certain which samples of a pixel are its colours. Two gray samples may be gray and alpha or two
// channels; of three, those of a colour picture with a wrong tag among them, the first alone would be a wrong picture.
absl::Status CheckSampleCount(const TiffDirectory& directory, const TiffEncoding& encoding) {
  constexpr uint64_t kAssociatedAlpha = 1;
  constexpr uint64_t kUnassociatedAlpha = 2;
  if (encoding.is_rgb()) {
    return encoding.samples >= 3 ? absl::OkStatus() : DamagedTiff("RGB with fewer than 3 samples");
  }
  if (encoding.samples == 1) return absl::OkStatus();
  const uint64_t extra = directory.Value(TiffTag::kExtraSamples, 0);
  const bool has_alpha = extra == kAssociatedAlpha || extra == kUnassociatedAlpha;
  if (encoding.samples == 2 && has_alpha) return absl::OkStatus();
  return UnsupportedTiff(absl::StrCat(encoding.samples, " samples per pixel with photometric \"",
                                      ColorsName(encoding.colors), "\"; which of them is the picture is not said"));
}

absl::Status CheckCombination(const TiffDirectory& directory, const TiffEncoding& encoding) {
  const int bits = encoding.bits;
  if (bits < 1 || bits > 16) return UnsupportedTiff(absl::StrCat(bits, " bits per sample"));
  if (encoding.predictor && bits != 8 && bits != 16) {
    return UnsupportedTiff(absl::StrCat("predictor 2 with ", bits, " bits per sample"));
  }
  if (encoding.compression == TiffCompression::kJpeg && bits != 8) {
    return UnsupportedTiff(absl::StrCat("JPEG compression with ", bits, " bits per sample"));
  }
  if (encoding.colors_have_alpha && encoding.separate) {
    return UnsupportedTiff("associated alpha in a plane of its own");
  }
  if (encoding.colors == TiffColors::kPalette) {
    if (bits > 8) return UnsupportedTiff(absl::StrCat("palette with ", bits, " bits per sample"));
    if (directory.Count(TiffTag::kColorMap) < uint64_t{3} << bits) return DamagedTiff("its palette is missing");
  }
  return absl::OkStatus();
}

// The values of XMP's tiff:Orientation, as an element or an attribute.
uint64_t OrientationInXmp(absl::Span<const uint8_t> packet) {
  const absl::string_view text(reinterpret_cast<const char*>(packet.data()), packet.size());
  constexpr absl::string_view kName = "tiff:Orientation";
  for (size_t at = text.find(kName); at != text.npos; at = text.find(kName, at + 1)) {
    absl::string_view rest = text.substr(at + kName.size());
    const size_t mark = rest.substr(0, 2) == "=\"" ? 2 : rest.substr(0, 1) == ">" ? 1 : 0;
    if (mark != 0 && rest.size() > mark && rest[mark] >= '0' && rest[mark] <= '9') {
      return static_cast<uint64_t>(rest[mark] - '0');
    }
  }
  return 1;
}

}  // namespace

absl::StatusOr<TiffEncoding> ReadTiffEncoding(const TiffDirectory& directory) {
  const uint64_t compression = directory.Value(TiffTag::kCompression, 1);
  const uint64_t predictor = directory.Value(TiffTag::kPredictor, 1);
  const uint64_t planes = directory.Value(TiffTag::kPlanarConfiguration, 1);
  const uint64_t samples = directory.Value(TiffTag::kSamplesPerPixel, 1);
  const uint64_t bits = directory.Value(TiffTag::kBitsPerSample, 1);
  const uint64_t fill_order = directory.Value(TiffTag::kFillOrder, 1);
  if (!IsSupportedTiffCompression(compression)) return UnsupportedTiff(CompressionName(compression));
  if (planes != 1 && planes != 2) return DamagedTiff(absl::StrCat("planar configuration ", planes));
  if (fill_order != 1 && fill_order != 2) return DamagedTiff(absl::StrCat("fill order ", fill_order));
  if (samples == 0 || samples > kMaxSamples) return UnsupportedTiff(absl::StrCat(samples, " samples per pixel"));
  if (bits > 64) return DamagedTiff(absl::StrCat(bits, " bits per sample"));
  TiffEncoding encoding;
  encoding.compression = static_cast<TiffCompression>(compression);
  encoding.bits = static_cast<int>(bits);
  encoding.samples = static_cast<int>(samples);
  encoding.separate = planes == 2 && samples > 1;
  // The predictor belongs to these schemes; elsewhere the tag has no meaning.
  if (encoding.compression == TiffCompression::kLzw || encoding.compression == TiffCompression::kDeflate ||
      encoding.compression == TiffCompression::kOldDeflate) {
    if (predictor != 1 && predictor != 2) return UnsupportedTiff(absl::StrCat("predictor ", predictor));
    encoding.predictor = predictor == 2;
  }
  encoding.reversed_bits = fill_order == 2 && encoding.compression != TiffCompression::kJpeg;
  if (absl::Status status = CheckSampleKind(directory, encoding); !status.ok()) return status;
  const absl::StatusOr<TiffColors> colors = ReadColors(directory, encoding);
  if (!colors.ok()) return colors.status();
  encoding.colors = *colors;
  if (absl::Status status = CheckSampleCount(directory, encoding); !status.ok()) return status;
  constexpr uint64_t kAssociatedAlpha = 1;
  encoding.colors_have_alpha =
      encoding.samples > encoding.color_samples() && directory.Value(TiffTag::kExtraSamples, 0) == kAssociatedAlpha;
  if (absl::Status status = CheckCombination(directory, encoding); !status.ok()) return status;
  return encoding;
}

absl::StatusOr<TiffLayout> ReadTiffLayout(const TiffDirectory& directory, const ImageLimits& limits) {
  TiffLayout layout;
  const auto side = [&](TiffTag tag, uint64_t fallback) {
    // Clamped before it becomes signed; whatever is cut off is far over every limit.
    return static_cast<int64_t>(std::min(directory.Value(tag, fallback), uint64_t{0xffffffff}));
  };
  layout.width = side(TiffTag::kImageWidth, 0);
  layout.height = side(TiffTag::kImageLength, 0);
  if (absl::Status status = CheckPixelLimit(layout.width, layout.height, limits); !status.ok()) return status;
  layout.tiled = directory.Count(TiffTag::kTileOffsets) != 0;
  if (layout.tiled) {
    layout.block_width = side(TiffTag::kTileWidth, 0);
    layout.block_height = side(TiffTag::kTileLength, 0);
  } else {
    layout.block_width = layout.width;
    layout.block_height = std::min(side(TiffTag::kRowsPerStrip, 0xffffffff), layout.height);
  }
  if (layout.block_width == 0 || layout.block_height == 0) return DamagedTiff("strips or tiles without size");
  layout.across = (layout.width + layout.block_width - 1) / layout.block_width;
  layout.down = (layout.height + layout.block_height - 1) / layout.block_height;
  if (layout.tiled) {
    // Tiles are stored whole; tiles much larger than the picture would cost more than the picture may.
    if (layout.block_width > kMaxSide || layout.block_height > kMaxSide) return DamagedTiff("oversized tiles");
    absl::Status status =
        CheckPixelLimit(layout.across * layout.block_width, layout.down * layout.block_height, limits);
    if (!status.ok()) return status;
    // Each block costs a decompressor of its own. Strips cannot be more than this, since no side is longer.
    if (layout.across * layout.down > kMaxSide) {
      return UnsupportedTiff(absl::StrCat(layout.across * layout.down, " tiles of ", layout.block_width, " x ",
                                          layout.block_height, " pixels; at most ", kMaxSide, " tiles are read"));
    }
  }
  return layout;
}

absl::Status CheckIsPicture(const TiffDirectory& directory) {
  constexpr uint64_t kReduced = 1;           // bit 0 of NewSubfileType
  constexpr uint64_t kMask = 4;              // bit 2 of NewSubfileType
  constexpr uint64_t kReducedByOldName = 2;  // value of SubfileType
  const uint64_t kind = directory.Value(TiffTag::kNewSubfileType, 0);
  if ((kind & kReduced) != 0 || directory.Value(TiffTag::kSubfileType, 0) == kReducedByOldName) {
    return UnsupportedTiff(
        "its first page says that it is a reduced copy of another one (a thumbnail); store the picture as the first "
        "page");
  }
  if ((kind & kMask) != 0) return UnsupportedTiff("its first page says that it is a transparency mask");
  return absl::OkStatus();
}

Orientation ReadTiffOrientation(const TiffDirectory& directory) {
  const uint64_t said = directory.Count(TiffTag::kOrientation) != 0 ? directory.Value(TiffTag::kOrientation, 1)
                                                                    : OrientationInXmp(directory.Bytes(TiffTag::kXmp));
  return OrientationFromTag(said);
}

}  // namespace bayespfl::image_internal
