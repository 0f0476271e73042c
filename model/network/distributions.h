// The paper's prompt distributions: image-specific (ISD, the context) and image-agnostic (IAD, normal and abnormal
// state).
#ifndef BAYESPFL_MODEL_NETWORK_DISTRIBUTIONS_H_
#define BAYESPFL_MODEL_NETWORK_DISTRIBUTIONS_H_

#include <array>
#include <string>

#include "model/libtorch.h"
#include "model/network/planar_flow.h"
#include "model/network/prompt_batch.h"
#include "model/network/weights.h"
#include "model/package/model_config.h"

namespace bayespfl {

// A Gaussian pushed through a planar flow. `variance` is exp(lambda / 2) with lambda = g_lambda(x): the deviation is
// exp(lambda / 4), as in the reference.
// Those of several pictures have an axis of the pictures in front.
struct PromptDistribution {
  torch::Tensor mean;          // [.., E]
  torch::Tensor log_variance;  // lambda: [.., E]
  FlowParameters flow;

  // Of one that has that axis: that of the run's pictures.
  PromptDistribution Of(const PictureRun& run) const;

  torch::Tensor variance() const { return torch::exp(log_variance / 2); }
  // noise [.., R, E] -> z_0 [.., R, E]
  torch::Tensor Initial(const torch::Tensor& noise) const {
    return mean.unsqueeze(-2) + torch::sqrt(variance()).unsqueeze(-2) * noise;
  }
  // noise [.., R, E] -> z_K [.., R, E]. A distribution of one picture may serve several.
  torch::Tensor Sample(const torch::Tensor& noise) const;
};

// g: three linear maps with softplus after the first two, [.., E] -> [.., E].
class EncoderMlp {
 public:
  static EncoderMlp Load(WeightReader& reader, const std::string& prefix, int64_t embed_dim, int64_t hidden);
  torch::Tensor Forward(const torch::Tensor& x) const;

 private:
  std::array<Linear, 3> layers_;
};

// Immutable after Load(); safe from many threads.
class PromptDistributions {
 public:
  static PromptDistributions Load(WeightReader& reader, const ModelConfig& config);

  // The image-specific distributions of the pictures: image features f [N, E] -> with an axis of N in front.
  PromptDistribution Context(const torch::Tensor& image_features) const;
  // The image-agnostic ones depend on the weights alone and are evaluated at load.
  const PromptDistribution& normal() const { return normal_; }
  const PromptDistribution& abnormal() const { return abnormal_; }

 private:
  int64_t flow_steps_ = 0;
  EncoderMlp context_mean_;
  EncoderMlp context_log_variance_;
  Linear amortised_u_;
  Linear amortised_w_;
  Linear amortised_b_;
  PromptDistribution normal_;
  PromptDistribution abnormal_;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_NETWORK_DISTRIBUTIONS_H_
