// Cross entropy of the image-level logits (the paper's L_ce).
#ifndef BAYESPFL_MODEL_TRAINING_CROSS_ENTROPY_H_
#define BAYESPFL_MODEL_TRAINING_CROSS_ENTROPY_H_

#include "model/libtorch.h"

namespace bayespfl {

// -(1/N) sum_n ln softmax(logits_n)[label_n]: logits [N, 2] (normal, abnormal), labels [N] (int64, 0 or 1) -> scalar.
torch::Tensor CrossEntropyLoss(const torch::Tensor& logits, const torch::Tensor& labels);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_CROSS_ENTROPY_H_
