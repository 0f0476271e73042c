// How far the prompt distributions are from a standard normal (the paper's prompt flow losses), estimated by one draw.
//
// Of one draw, constants dropped:
//   ln q(z_0) = -1/2 sum_d (ln v_d + (z_0d - mu_d)^2 / v_d)      v = exp(lambda / 2)
//   ln p(z_K) = -1/2 sum_d z_Kd^2
//   ln q(z_K) = ln q(z_0) - ln |det|                             of the planar flow, summed over its steps
#ifndef BAYESPFL_MODEL_TRAINING_KL_DIVERGENCE_H_
#define BAYESPFL_MODEL_TRAINING_KL_DIVERGENCE_H_

#include <cstdint>
#include <vector>

#include "model/libtorch.h"
#include "model/network/distributions.h"

namespace bayespfl {

// What the losses add each term with.
inline constexpr double kKlWeight = 0.01;

// One draw of a distribution and the way it took through the flow.
struct PromptDraw {
  torch::Tensor mean;          // mu: [E]
  torch::Tensor log_variance;  // lambda: [E]
  torch::Tensor z0;            // [E]
  torch::Tensor zk;            // after the flow: [E]
  torch::Tensor log_det;       // summed over the steps: scalar
};

// noise [E], standard normal.
PromptDraw DrawPrompt(const PromptDistribution& distribution, const torch::Tensor& noise);

// Of the image-specific distributions, one for each picture: mean over the pictures of ln q(z_K) - ln p(z_K).
torch::Tensor ContextKl(const std::vector<PromptDraw>& pictures);

// Of an image-agnostic distribution in a batch of N pictures: ln q(z_0) - ln p(z_K) - ln|det| / N. The reference
// compares its one draw with N copies and divides by N, but adds the determinant once; so do we.
torch::Tensor StateKl(const PromptDraw& state, int64_t pictures);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_KL_DIVERGENCE_H_
