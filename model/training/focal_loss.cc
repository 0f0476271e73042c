#include "model/training/focal_loss.h"

namespace bayespfl {
namespace {

constexpr double kEpsilon = 1e-8;

// Mean of the loss over the pixels that `members` (0 or 1) marks.
torch::Tensor MeanOver(const torch::Tensor& loss, const torch::Tensor& members) {
  // Counted in integers: a batch may have more pixels than a float can count.
  const torch::Tensor count = members.sum(torch::kInt64).to(torch::kFloat64);
  return (loss * members).sum() / (count + kEpsilon).to(loss.scalar_type());
}

}  // namespace

torch::Tensor FocalLoss(const torch::Tensor& difference, const torch::Tensor& positive) {
  // softmax of two is the sigmoid of their difference.
  const torch::Tensor own = torch::sigmoid(torch::where(positive, difference, -difference));
  const torch::Tensor loss = -(1 - own).square() * torch::log(own + kEpsilon);
  return MeanOver(loss, positive) + MeanOver(loss, positive.logical_not());
}

}  // namespace bayespfl
