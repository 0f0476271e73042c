#include "model/training/dice_loss.h"

namespace bayespfl {

torch::Tensor DiceLoss(const torch::Tensor& abnormal, const torch::Tensor& positive) {
  constexpr double kSmooth = 1e-5;
  const torch::Tensor overlap = (abnormal * positive).sum();
  const torch::Tensor marked = positive.sum(torch::kInt64).to(abnormal.scalar_type());
  return 1 - (2 * overlap + kSmooth) / (abnormal.sum() + marked + kSmooth);
}

}  // namespace bayespfl
