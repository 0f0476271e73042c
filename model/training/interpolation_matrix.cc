#include "model/training/interpolation_matrix.h"

#include <algorithm>

namespace bayespfl {

torch::Tensor InterpolationMatrix(int64_t side, int64_t grid, torch::Device device) {
  torch::Tensor matrix = torch::zeros({side, grid});
  auto weights = matrix.accessor<float, 2>();
  const double step = side > 1 ? static_cast<double>(grid - 1) / static_cast<double>(side - 1) : 0.0;
  for (int64_t o = 0; o < side; ++o) {
    const double source = static_cast<double>(o) * step;
    const int64_t below = std::min(static_cast<int64_t>(source), grid - 1);
    const auto share = static_cast<float>(source - static_cast<double>(below));
    weights[o][below] += 1 - share;
    weights[o][std::min(below + 1, grid - 1)] += share;
  }
  return matrix.to(device);
}

torch::Tensor Upsample(const torch::Tensor& matrix, const torch::Tensor& maps) {
  return torch::matmul(torch::matmul(matrix, maps), matrix.t());
}

}  // namespace bayespfl
