#include "model/training/muon.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace bayespfl {
namespace {

constexpr int kNewtonSchulzSteps = 5;
constexpr double kLinear = 3.4445;
constexpr double kCubic = -4.7750;
constexpr double kQuintic = 2.0315;
constexpr double kEpsilon = 1e-12;
constexpr double kUsualRootMeanSquare = 0.2;

}  // namespace

torch::Tensor Orthogonalised(const torch::Tensor& matrix) {
  // Products of the shorter side are the cheaper ones.
  const bool tall = matrix.size(0) > matrix.size(1);
  torch::Tensor x = tall ? matrix.t() : matrix;
  x = x / (x.norm() + kEpsilon);
  for (int i = 0; i < kNewtonSchulzSteps; ++i) {
    const torch::Tensor square = torch::matmul(x, x.t());
    const torch::Tensor factor = square * kCubic + torch::matmul(square, square) * kQuintic;
    x = x * kLinear + torch::matmul(factor, x);
  }
  return tall ? x.t() : x;
}

void MuonStep(const torch::Tensor& parameter, const torch::Tensor& gradient, const torch::Tensor& momentum, double rate,
              int64_t blocks) {
  const torch::NoGradGuard no_grad;
  momentum.lerp_(gradient, 1 - kMuonMomentum);
  const torch::Tensor direction = torch::lerp(gradient, momentum, kMuonMomentum);
  const std::vector<torch::Tensor> parts = direction.chunk(blocks, 0);
  const std::vector<torch::Tensor> targets = parameter.chunk(blocks, 0);
  for (size_t i = 0; i < parts.size(); ++i) {
    const auto longer = static_cast<double>(std::max(parts[i].size(0), parts[i].size(1)));
    targets[i].sub_(Orthogonalised(parts[i]), rate * kUsualRootMeanSquare * std::sqrt(longer));
  }
}

}  // namespace bayespfl
