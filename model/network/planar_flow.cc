#include "model/network/planar_flow.h"

namespace bayespfl {

std::vector<torch::Tensor> PlanarFlow(const torch::Tensor& z0, const FlowParameters& parameters) {
  std::vector<torch::Tensor> path;
  torch::Tensor z = z0;
  for (int64_t k = 0; k < parameters.u.size(0); ++k) {
    const torch::Tensor activation = torch::tanh(torch::mv(z, parameters.w[k]) + parameters.b[k]);
    z = z + torch::outer(activation, parameters.u[k]);
    path.push_back(z);
  }
  return path;
}

}  // namespace bayespfl
