#include "model/training/kl_divergence.h"

#include "model/network/planar_flow.h"

namespace bayespfl {
namespace {

torch::Tensor LogQ(const PromptDraw& draw) {
  const torch::Tensor log_v = draw.log_variance / 2;
  return -0.5 * (log_v + (draw.z0 - draw.mean).square() / torch::exp(log_v)).sum();
}

torch::Tensor LogP(const PromptDraw& draw) { return -0.5 * draw.zk.square().sum(); }

}  // namespace

PromptDraw DrawPrompt(const PromptDistribution& distribution, const torch::Tensor& noise) {
  const torch::Tensor initial = distribution.Initial(noise.unsqueeze(0));  // [1, E]
  const std::vector<torch::Tensor> path = PlanarFlow(initial, distribution.flow);
  return {.mean = distribution.mean,
          .log_variance = distribution.log_variance,
          .z0 = initial.squeeze(0),
          .zk = (path.empty() ? initial : path.back()).squeeze(0),
          .log_det = PlanarFlowLogDet(initial, path, distribution.flow).sum()};
}

torch::Tensor ContextKl(const std::vector<PromptDraw>& pictures) {
  std::vector<torch::Tensor> terms;
  for (const PromptDraw& draw : pictures) terms.push_back(LogQ(draw) - LogP(draw) - draw.log_det);
  return torch::stack(terms).mean();
}

torch::Tensor StateKl(const PromptDraw& state, int64_t pictures) {
  return LogQ(state) - LogP(state) - state.log_det / static_cast<double>(pictures);
}

}  // namespace bayespfl
