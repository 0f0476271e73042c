#include "model/training/cross_entropy.h"

namespace bayespfl {

torch::Tensor CrossEntropyLoss(const torch::Tensor& logits, const torch::Tensor& labels) {
  return torch::cross_entropy_loss(logits, labels);
}

}  // namespace bayespfl
