// Small pictures for reports: a picture with its anomaly map and the outline of a mask, without bar and caption.
#ifndef BAYESPFL_MODEL_OVERLAY_THUMBNAIL_H_
#define BAYESPFL_MODEL_OVERLAY_THUMBNAIL_H_

#include "absl/status/statusor.h"
#include "model/detection/pixel_map.h"
#include "model/image/image.h"
#include "model/overlay/layers.h"

namespace bayespfl {

struct ThumbnailOptions {
  float low = 0;      // map value of the first colour
  float high = 1;     // map value of the last colour, > low
  int longest = 320;  // pixels, >= 1; larger pictures are reduced, smaller ones keep their size
};

// The picture with the map in OpenCV's inferno over it, the more opaque the higher the map, and the outline of the mask
// (say, the ground truth) in white with a dark edge. Map and mask are stretched to the picture. Deterministic.
// InvalidArgument: an empty picture or map, values that do not fit a size, or options out of range; Internal: OpenCV
// failed. Thread-safe.
absl::StatusOr<RgbImage> DrawThumbnail(const RgbImage& picture, const PixelMap& map, const MaskView& mask,
                                       const ThumbnailOptions& options);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_OVERLAY_THUMBNAIL_H_
