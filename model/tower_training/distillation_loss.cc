#include "model/tower_training/distillation_loss.h"

#include <array>

namespace bayespfl {
namespace {

constexpr double kEpsilon = 1e-6;                 // of a channel that is the same everywhere
constexpr std::array<int64_t, 2> kRows = {0, 1};  // axes of pictures and patches

}  // namespace

torch::Tensor TaughtTargets(const torch::Tensor& features, int64_t grid) {
  const torch::Tensor resized = torch::upsample_bilinear2d(features, {grid, grid}, /*align_corners=*/false);
  const torch::Tensor rows = resized.flatten(2).transpose(1, 2);  // [N, L, C]
  const torch::Tensor centred = rows - rows.mean(kRows, /*keepdim=*/true);
  const torch::Tensor variance = centred.square().mean(kRows, /*keepdim=*/true);
  return centred / (variance + kEpsilon).sqrt();
}

torch::Tensor DistillationLoss(const torch::Tensor& told, const torch::Tensor& targets) {
  return (told - targets).square().mean();
}

}  // namespace bayespfl
