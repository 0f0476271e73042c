// What is laid over a picture, besides its anomaly map.
#ifndef BAYESPFL_MODEL_OVERLAY_LAYERS_H_
#define BAYESPFL_MODEL_OVERLAY_LAYERS_H_

#include <cstdint>

#include "absl/types/span.h"

namespace bayespfl {

// A borrowed mask. Its size needs to be neither the picture's nor the map's: it is stretched to the picture.
struct MaskView {
  int width = 0;
  int height = 0;
  absl::Span<const uint8_t> values;  // row-major [height, width], not 0 inside; empty: no mask, nothing is outlined
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_OVERLAY_LAYERS_H_
