#include "model/image/decode.h"

#include "absl/status/status.h"
#include "model/image/bmp.h"
#include "model/image/image_header.h"
#include "model/image/image_limits.h"
#include "model/image/jpeg.h"
#include "model/image/png.h"
#include "model/image/sample_scale.h"
#include "model/image/tiff.h"
#include "model/image/webp.h"

namespace bayespfl {

using image_internal::FileFormat;

absl::StatusOr<RgbImage> DecodeImage(absl::Span<const uint8_t> encoded, const ImageLimits& limits,
                                     std::optional<int> significant_bits) {
  if (absl::Status status = image_internal::CheckByteLimit(encoded.size(), limits); !status.ok()) return status;
  if (absl::Status status = image_internal::CheckSignificantBits(significant_bits); !status.ok()) return status;
  const image_internal::SampleScale scale(significant_bits.value_or(16));
  const std::optional<FileFormat> format = image_internal::SniffFormat(encoded);
  if (format.has_value()) {
    switch (*format) {
      case FileFormat::kJpeg:
        return image_internal::DecodeJpeg(encoded, limits);
      case FileFormat::kPng:
        return image_internal::DecodePng(encoded, limits, scale);
      case FileFormat::kBmp:
        return image_internal::DecodeBmp(encoded, limits);
      case FileFormat::kTiff:
        return image_internal::DecodeTiff(encoded, limits, scale);
      case FileFormat::kWebp:
        return image_internal::DecodeWebp(encoded, limits);
    }
  }
  return absl::InvalidArgumentError("unsupported image format; expected JPEG, PNG, BMP, TIFF or WebP");
}

}  // namespace bayespfl
