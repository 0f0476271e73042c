// Picture -> the vision transformer's input.
#ifndef BAYESPFL_MODEL_CLIP_PREPROCESS_H_
#define BAYESPFL_MODEL_CLIP_PREPROCESS_H_

#include <vector>

#include "model/image/image.h"
#include "model/package/model_config.h"

namespace bayespfl {

// Resizes to S x S without keeping the aspect ratio (resample.h), then (v / 255 - mean) / std: [3, S, S], row-major.
// Requires a non-empty picture. Thread-safe.
std::vector<float> Preprocess(const RgbImage& image, const ModelConfig& config);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_CLIP_PREPROCESS_H_
