// The last step of a detection: from the device's numbers to the answer. No LibTorch.
#ifndef BAYESPFL_MODEL_DETECTION_FINISH_H_
#define BAYESPFL_MODEL_DETECTION_FINISH_H_

#include "model/detection/detection.h"

namespace bayespfl {

// `map_score` is of the map as computed; then it is smoothed with `sigma` (pixels at model size; 0: not at all) and
// resized as the frame's settings say. Requires a map. Thread-safe.
Detection FinishFrame(ComputedFrame frame, double sigma);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_DETECTION_FINISH_H_
