// Dice loss (Milletari et al. 2016) of one layer's maps, of the anomaly channel alone.
#ifndef BAYESPFL_MODEL_TRAINING_DICE_LOSS_H_
#define BAYESPFL_MODEL_TRAINING_DICE_LOSS_H_

#include "model/libtorch.h"

namespace bayespfl {

// 1 - (2 sum(p y) + 1e-5) / (sum(p) + sum(y) + 1e-5), sums over all pixels of the batch. `abnormal` [N, S, S]: p, the
// probability of an anomaly; `positive` [N, S, S] (bool): y -> scalar.
torch::Tensor DiceLoss(const torch::Tensor& abnormal, const torch::Tensor& positive);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_DICE_LOSS_H_
