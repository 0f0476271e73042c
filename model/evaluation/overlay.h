// Pictures for the report: an inspected picture with its anomaly map and the ground truth.
#ifndef BAYESPFL_MODEL_EVALUATION_OVERLAY_H_
#define BAYESPFL_MODEL_EVALUATION_OVERLAY_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/detection/pixel_map.h"
#include "model/image/image.h"

namespace bayespfl {

struct OverlayOptions {
  float low = 0;      // map value of the first colour
  float high = 1;     // map value of the last colour, > low
  int longest = 320;  // pixels; larger pictures are reduced, smaller ones keep their size
  int jpeg_quality = 85;
};

// A JPEG file: the picture with the map in OpenCV's inferno over it, the more opaque the higher the map, and the
// outline of the mask in white with a dark edge. The map (square, at model size) and the mask (the same size, 0/1;
// empty: no outline) are stretched to the picture. Deterministic. InvalidArgument: empty picture or map, or a mask of
// another size; Internal: OpenCV failed.
absl::StatusOr<std::string> RenderOverlay(const RgbImage& picture, const PixelMap& map, absl::Span<const uint8_t> mask,
                                          const OverlayOptions& options);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_EVALUATION_OVERLAY_H_
