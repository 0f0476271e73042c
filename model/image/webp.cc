#include "model/image/webp.h"

#include <webp/decode.h>

#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "model/image/image_header.h"
#include "model/image/image_limits.h"

namespace bayespfl::image_internal {
namespace {

absl::Status Refusal(VP8StatusCode code) {
  const auto refused = [](absl::string_view why) { return absl::InvalidArgumentError(why); };
  switch (code) {
    case VP8_STATUS_NOT_ENOUGH_DATA:
      return refused("truncated WebP: its pixels end early");
    case VP8_STATUS_UNSUPPORTED_FEATURE:
      return refused("unsupported WebP: of a later version than the decoder");
    case VP8_STATUS_OUT_OF_MEMORY:
      return refused("WebP: there is no memory to decode it");
    default:
      return refused("damaged WebP: the pixel data cannot be decoded");
  }
}

}  // namespace

absl::StatusOr<RgbImage> DecodeWebp(absl::Span<const uint8_t> encoded, const ImageLimits& limits) {
  const absl::StatusOr<PictureSize> size = ReadWebpSize(encoded);
  if (!size.ok()) return size.status();
  if (absl::Status status = CheckPixelLimit(size->width, size->height, limits); !status.ok()) return status;
  WebPDecoderConfig config;
  if (WebPInitDecoderConfig(&config) == 0) {
    return absl::InvalidArgumentError("WebP: libwebp is of another version than its headers");
  }
  if (const VP8StatusCode code = WebPGetFeatures(encoded.data(), encoded.size(), &config.input);
      code != VP8_STATUS_OK) {
    return Refusal(code);
  }
  // libwebp takes a buffer that is too large, and would leave the rest of it black.
  if (config.input.width != size->width || config.input.height != size->height) {
    return absl::InvalidArgumentError("damaged WebP: its picture is of another size than its header says");
  }

  RgbImage image{config.input.width, config.input.height, {}};
  image.pixels.resize(image.pixel_count() * 3);
  config.output.colorspace = MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA = {.rgba = image.pixels.data(), .stride = 3 * image.width, .size = image.pixels.size()};
  if (const VP8StatusCode code = WebPDecode(encoded.data(), encoded.size(), &config); code != VP8_STATUS_OK) {
    return Refusal(code);
  }
  return image;
}

}  // namespace bayespfl::image_internal
