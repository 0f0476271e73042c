#include "model/training/orthogonality_loss.h"

namespace bayespfl {
namespace {

torch::Tensor MeanSquaredCosine(const torch::Tensor& rows) {  // [N, B, E]
  constexpr double kSmallestNorm = 1e-12;
  const torch::Tensor unit = rows / rows.norm(2, -1, /*keepdim=*/true).clamp_min(kSmallestNorm);
  const torch::Tensor cosines = torch::matmul(unit, unit.transpose(1, 2));  // [N, B, B]
  const torch::Tensor others = 1 - torch::eye(rows.size(1), rows.options());
  return (cosines * others).square().mean();
}

}  // namespace

torch::Tensor OrthogonalityLoss(const torch::Tensor& text) {
  const int64_t prompts = text.size(1) / 2;
  return MeanSquaredCosine(text.slice(1, 0, prompts)) + MeanSquaredCosine(text.slice(1, prompts));
}

}  // namespace bayespfl
