#include "client/cpp/reply_overlay.h"

#include <cstdint>
#include <limits>

#include "absl/strings/str_cat.h"
#include "client/cpp/pixel_map.h"
#include "client/cpp/results.h"
#include "model/image/decode.h"
#include "model/image/encode.h"
#include "model/overlay/overlay.h"

namespace bayespfl::client {
namespace {

// The server has looked at the picture already, by its own limits.
constexpr ImageLimits kNoLimits = {.max_bytes = std::numeric_limits<int64_t>::max(),
                                   .max_pixels = std::numeric_limits<int64_t>::max()};

}  // namespace

absl::StatusOr<std::string> ReplyOverlay(const inspection::v1::InspectResponse& response) {
  const std::string& bytes = response.inspected_picture().data();
  if (bytes.empty()) return absl::InvalidArgumentError("no overlay: the reply carries no inspected picture");
  const absl::StatusOr<RgbImage> picture =
      DecodeImage({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, kNoLimits);
  if (!picture.ok()) {
    return absl::Status(picture.status().code(),
                        absl::StrCat("no overlay: the inspected picture of the reply: ", picture.status().message()));
  }
  const absl::StatusOr<PixelMap> map = DecodePixelMap(response.anomaly_map());
  if (!map.ok()) return map.status();
  const absl::StatusOr<MaskPixels> mask = DecodeMask(response.mask());
  if (!mask.ok()) return mask.status();
  const absl::StatusOr<RgbImage> overlay =
      DrawOverlay(*picture, *map, {.width = mask->width, .height = mask->height, .values = mask->values},
                  {.category = response.category(),
                   .decision = ToInspection(response).decision,
                   .score = response.score(),
                   .map_score = response.map_score(),
                   .mask_threshold = response.thresholds().mask()});
  if (!overlay.ok()) return overlay.status();
  return EncodePng(*overlay);
}

}  // namespace bayespfl::client
