#include "client/cpp/reply_overlay.h"

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cpp/pixel_map.h"
#include "model/image/decode.h"
#include "model/image/encode.h"
#include "model/overlay/overlay.h"

namespace bayespfl::client {

absl::StatusOr<std::string> ReplyOverlay(absl::string_view picture_bytes,
                                         const inspection::v1::InspectResponse& response) {
  const absl::StatusOr<RgbImage> picture =
      DecodeImage({reinterpret_cast<const uint8_t*>(picture_bytes.data()), picture_bytes.size()});
  if (!picture.ok())
    return absl::Status(picture.status().code(), absl::StrCat("no overlay: ", picture.status().message()));
  const absl::StatusOr<PixelMap> map = DecodePixelMap(response.anomaly_map());
  if (!map.ok()) return map.status();
  const absl::StatusOr<PixelMap> mask = DecodePixelMap(response.mask());
  if (!mask.ok()) return mask.status();
  std::vector<uint8_t> inside(mask->values.size());
  for (size_t i = 0; i < inside.size(); ++i) inside[i] = mask->values[i] > 0 ? 1 : 0;
  const absl::StatusOr<RgbImage> overlay =
      DrawOverlay(*picture, *map, {.width = mask->width, .height = mask->height, .values = inside},
                  {.category = response.category(),
                   .score = response.score(),
                   .map_score = response.map_score(),
                   .mask_threshold = response.mask_threshold()});
  if (!overlay.ok()) return overlay.status();
  return EncodePng(*overlay);
}

}  // namespace bayespfl::client
