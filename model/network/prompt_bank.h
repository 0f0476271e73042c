// The learned prompts, and how they and the samples become the text tower's input.
#ifndef BAYESPFL_MODEL_NETWORK_PROMPT_BANK_H_
#define BAYESPFL_MODEL_NETWORK_PROMPT_BANK_H_

#include "model/libtorch.h"
#include "model/network/weights.h"
#include "model/package/model_config.h"

namespace bayespfl {

enum class PromptState { kNormal, kAbnormal };

// Immutable after Load(); safe from many threads.
class PromptBank {
 public:
  static PromptBank Load(WeightReader& reader, const ModelConfig& config);

  // The learned rows of every sample and prompt, samples [R, E] (r is the slow index): c_b + z_context [R B, P, D_t],
  // and s_b + z_state [R B, Q, D_t].
  torch::Tensor ContextRows(const torch::Tensor& context_samples) const;
  torch::Tensor StateRows(PromptState state, const torch::Tensor& state_samples) const;

 private:
  torch::Tensor context_;   // [B, P, D_t]
  torch::Tensor normal_;    // [B, Q, D_t]
  torch::Tensor abnormal_;  // [B, Q, D_t]
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_NETWORK_PROMPT_BANK_H_
