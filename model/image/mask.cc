#include "model/image/mask.h"

#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "model/image/image_header.h"
#include "model/image/image_limits.h"
#include "model/image/png.h"
#include "model/image/sample_scale.h"
#include "model/image/tiff.h"

namespace bayespfl {
namespace {

using image_internal::FileFormat;
using image_internal::SampleScale;

// Only these two can hold wide samples or labels with a palette.
absl::StatusOr<RgbImage> DecodeLabels(absl::Span<const uint8_t> encoded, const ImageLimits& limits) {
  if (absl::Status status = image_internal::CheckByteLimit(encoded.size(), limits); !status.ok()) return status;
  const std::optional<FileFormat> format = image_internal::SniffFormat(encoded);
  if (format == FileFormat::kPng) return image_internal::DecodePng(encoded, limits, SampleScale::Labels());
  if (format == FileFormat::kTiff) return image_internal::DecodeTiff(encoded, limits, SampleScale::Labels());
  return DecodeImage(encoded, limits);
}

}  // namespace

absl::StatusOr<LabelMask> DecodeMask(absl::Span<const uint8_t> encoded, const ImageLimits& limits,
                                     Orientation orientation) {
  absl::StatusOr<RgbImage> stored = DecodeLabels(encoded, limits);
  if (!stored.ok()) return stored.status();
  const RgbImage image = TurnUpright(*std::move(stored), orientation);
  LabelMask mask{.width = image.width, .height = image.height};
  mask.marked.resize(image.pixel_count());
  const uint8_t* rgb = image.pixels.data();
  for (uint8_t& marked : mask.marked) {
    marked = (rgb[0] | rgb[1] | rgb[2]) != 0 ? 1 : 0;
    rgb += 3;
  }
  return mask;
}

}  // namespace bayespfl
