// Pictures for people: the inspected picture with its anomaly map, the mask's outline, a colour bar and a caption.
//
//   +---------------------+-----+
//   |                     | 1.0 |   picture: blended with the map's colours, the more opaque the higher the map, so
//   |  picture            | |   |            that what is good stays visible; the mask's outline in white and black
//   |                     | |<  |   bar:     the colours of 0..1, with a mark at the mask's threshold
//   |                     | 0.0 |
//   +---------------------+-----+
//   | metal nut   FAIL by score |   caption: what it shows and what follows from it; its numbers
//   |   score 0.93   map 0.80   |
//   +---------------------------+
//
// The colours are OpenCV's inferno: perceptually even, growing in lightness, and readable with every kind of colour
// blindness. Lines and letters grow with the picture; small pictures are enlarged by a whole factor first, so that the
// letters fit.
//
//   absl::StatusOr<RgbImage> overlay = DrawOverlay(picture, map, mask, {.category = "metal nut", .score = 0.93F});
//   if (overlay.ok()) file = EncodePng(*overlay);  // model/image/encode.h
#ifndef BAYESPFL_MODEL_OVERLAY_OVERLAY_H_
#define BAYESPFL_MODEL_OVERLAY_OVERLAY_H_

#include <string>

#include "absl/status/statusor.h"
#include "model/detection/pixel_map.h"
#include "model/image/image.h"
#include "model/overlay/layers.h"
#include "model/verdict/verdict.h"

namespace bayespfl {

// What the caption and the bar say.
struct OverlayText {
  std::string category;      // UTF-8; Latin letters lose their accents, others become '?'; cut with dots if too long
  Decision decision = {};    // the verdict, and the rule that decided
  float score = 0;           // 0..1
  float map_score = 0;       // 0..1
  float mask_threshold = 0;  // 0..1, marked on the bar
};

// Draws one overlay. `picture` is what was inspected, as DecodeImage() or ConvertRawImage() gave it: decoded otherwise,
// map and picture need not lie on each other. `map` has values 0..1 (others are clamped) and any size: it is stretched.
// Deterministic. InvalidArgument: an empty picture or map, or values that do not fit a size; Internal: OpenCV failed.
// Thread-safe.
absl::StatusOr<RgbImage> DrawOverlay(const RgbImage& picture, const PixelMap& map, const MaskView& mask,
                                     const OverlayText& text);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_OVERLAY_OVERLAY_H_
