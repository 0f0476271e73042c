// What every CLIP-based package shares beside its weights.
#ifndef BAYESPFL_MODEL_CHECKPOINT_CLIP_INPUT_H_
#define BAYESPFL_MODEL_CHECKPOINT_CLIP_INPUT_H_

#include "model/package/model_config.h"

namespace bayespfl {

// Sets CLIP's colour mean and deviation, the reference's map smoothing (8 pixels at 518, scaled to the image size) and
// its words for data-set categories. Requires config.image_size.
void SetClipInput(ModelConfig& config);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_CHECKPOINT_CLIP_INPUT_H_
