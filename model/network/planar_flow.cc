#include "model/network/planar_flow.h"

#include "model/network/row_dots.h"

namespace bayespfl {

std::vector<torch::Tensor> PlanarFlow(const torch::Tensor& z0, const FlowParameters& parameters) {
  std::vector<torch::Tensor> path;
  torch::Tensor z = z0;
  for (int64_t k = 0; k < parameters.u.size(-2); ++k) {
    const torch::Tensor u = parameters.u.select(-2, k);
    const torch::Tensor b = parameters.b.slice(-1, k, k + 1);  // [.., 1]
    const torch::Tensor activation = torch::tanh(RowDots(z, parameters.w.select(-2, k)) + b);
    z = z + (z.dim() == 2 ? torch::outer(activation, u) : activation.unsqueeze(-1) * u.unsqueeze(-2));
    path.push_back(z);
  }
  return path;
}

torch::Tensor PlanarFlowLogDet(const torch::Tensor& z0, const std::vector<torch::Tensor>& path,
                               const FlowParameters& parameters) {
  std::vector<torch::Tensor> steps;
  for (int64_t k = 0; k < parameters.u.size(0); ++k) {
    const torch::Tensor& z = k == 0 ? z0 : path[static_cast<size_t>(k) - 1];
    const torch::Tensor slope = 1 - torch::tanh(torch::mv(z, parameters.w[k]) + parameters.b[k]).square();
    steps.push_back(torch::log((1 + slope * torch::dot(parameters.w[k], parameters.u[k])).abs() + 1e-5));
  }
  return steps.empty() ? torch::zeros({z0.size(0), 0}, z0.options()) : torch::stack(steps, 1);
}

}  // namespace bayespfl
