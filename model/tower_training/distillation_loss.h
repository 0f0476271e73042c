// How far a tower is from giving a teacher's features.
#ifndef BAYESPFL_MODEL_TOWER_TRAINING_DISTILLATION_LOSS_H_
#define BAYESPFL_MODEL_TOWER_TRAINING_DISTILLATION_LOSS_H_

#include <cstdint>

#include "model/libtorch.h"

namespace bayespfl {

// The teacher's maps as patches are: resized bilinearly to G x G, every channel brought to mean 0 and deviation 1 over
// the batch, since what differs between patches is what is to be learned: [N, C, h, w] -> [N, G G, C].
torch::Tensor TaughtTargets(const torch::Tensor& features, int64_t grid);

// Mean squared difference, in the targets' variances: 1 for a tower that knows nothing but their mean, 0 for one that
// knows all. Both [N, L, C] -> scalar.
torch::Tensor DistillationLoss(const torch::Tensor& told, const torch::Tensor& targets);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TOWER_TRAINING_DISTILLATION_LOSS_H_
