// Planar normalising flow (Rezende & Mohamed 2015), the paper's prompt flow.
#ifndef BAYESPFL_MODEL_NETWORK_PLANAR_FLOW_H_
#define BAYESPFL_MODEL_NETWORK_PLANAR_FLOW_H_

#include <vector>

#include "model/libtorch.h"

namespace bayespfl {

// Parameters of K steps; no constraint keeps a step invertible. Several pictures' have an axis of the pictures in
// front.
struct FlowParameters {
  torch::Tensor u;  // [.., K, E]
  torch::Tensor w;  // [.., K, E]
  torch::Tensor b;  // [.., K]
};

// t_k = tanh(w_k . z_{k-1} + b_k); z_k = z_{k-1} + u_k t_k. z0 [.., R, E] -> z_1 .. z_K, each [.., R, E]. Parameters of
// one picture may serve several.
std::vector<torch::Tensor> PlanarFlow(const torch::Tensor& z0, const FlowParameters& parameters);

// ln(|1 + (1 - t_k^2) w_k . u_k| + 1e-5) of each step: [R, K]. `path` is what PlanarFlow(z0) returned.
torch::Tensor PlanarFlowLogDet(const torch::Tensor& z0, const std::vector<torch::Tensor>& path,
                               const FlowParameters& parameters);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_NETWORK_PLANAR_FLOW_H_
