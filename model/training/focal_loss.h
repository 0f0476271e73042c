// Focal loss (Lin et al. 2017, gamma = 2) of one layer's maps, with the two classes weighed alike however few pixels
// one of them has.
#ifndef BAYESPFL_MODEL_TRAINING_FOCAL_LOSS_H_
#define BAYESPFL_MODEL_TRAINING_FOCAL_LOSS_H_

#include "model/libtorch.h"

namespace bayespfl {

// With l = -(1 - p_y)^2 ln(p_y + 1e-8), p_y the probability of the pixel's own class:
//   sum over positive pixels of l / (their number + 1e-8) + sum over negative pixels of l / (their number + 1e-8)
// over the whole batch. `difference` [N, S, S]: the abnormal text's logits less the normal one's; `positive` [N, S, S]
// (bool) -> scalar.
torch::Tensor FocalLoss(const torch::Tensor& difference, const torch::Tensor& positive);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_FOCAL_LOSS_H_
