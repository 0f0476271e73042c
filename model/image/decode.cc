#include "model/image/decode.h"

#include "absl/status/status.h"
#include "model/image/bmp.h"
#include "model/image/image_header.h"
#include "model/image/image_limits.h"
#include "model/image/jpeg.h"
#include "model/image/png.h"
#include "model/image/sample_bits.h"
#include "model/image/sample_scale.h"
#include "model/image/tiff.h"
#include "model/image/webp.h"

namespace bayespfl {

using image_internal::FileFormat;
using image_internal::SampleScale;

namespace {

absl::StatusOr<RgbImage> DecodeFormat(absl::Span<const uint8_t> encoded, const ImageLimits& limits,
                                      const SampleScale& scale) {
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

}  // namespace

absl::StatusOr<RgbImage> DecodeImage(absl::Span<const uint8_t> encoded, const ImageLimits& limits,
                                     std::optional<int> significant_bits) {
  if (absl::Status status = image_internal::CheckByteLimit(encoded.size(), limits); !status.ok()) return status;
  if (absl::Status status = image_internal::CheckSignificantBits(significant_bits); !status.ok()) return status;
  if (significant_bits.has_value()) return DecodeFormat(encoded, limits, SampleScale(*significant_bits));
  uint32_t seen = 0;  // stays so when the file has no samples of 16 bits
  absl::StatusOr<RgbImage> image = DecodeFormat(encoded, limits, SampleScale(16).Noting(&seen));
  if (image.ok()) image->sample_bits = image_internal::SampleBits(seen);
  return image;
}

}  // namespace bayespfl
