// Keeps the prompts of a bank apart: the cosines between the texts of one picture shall vanish.
#ifndef BAYESPFL_MODEL_TRAINING_ORTHOGONALITY_LOSS_H_
#define BAYESPFL_MODEL_TRAINING_ORTHOGONALITY_LOSS_H_

#include "model/libtorch.h"

namespace bayespfl {

// Mean over pictures and all B x B pairs of the squared cosine, those of a text with itself taken as 0; of the normal
// texts plus of the abnormal ones. text [N, 2B, E], normal rows first; rows are divided by their norm, by 1e-12 where
// that is less -> scalar.
torch::Tensor OrthogonalityLoss(const torch::Tensor& text);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_ORTHOGONALITY_LOSS_H_
