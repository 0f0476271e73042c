// The learned prompts, and how they and the samples become the text tower's input.
#ifndef BAYESPFL_MODEL_NETWORK_PROMPT_BANK_H_
#define BAYESPFL_MODEL_NETWORK_PROMPT_BANK_H_

#include "model/network/weights.h"
#include "model/package/model_config.h"
#include "torch/torch.h"

namespace bayespfl {

enum class PromptState { kNormal, kAbnormal };

// Immutable after Load(); safe from many threads.
class PromptBank {
 public:
  static PromptBank Load(WeightReader& reader, const ModelConfig& config);

  // The learned rows of every sample and prompt: c_b + z_context on the P context rows, s_b + z_state on the Q state
  // rows. Both samples [R, E] -> [R, B, P + Q, D_t].
  torch::Tensor LearnedRows(PromptState state, const torch::Tensor& context_samples,
                            const torch::Tensor& state_samples) const;

  // [e_0; learned rows; e_2 ..], cut to `length`: the placeholder "X" at position 1 gives way to the learned rows.
  // tokens [n, D_t], learned [R, B, P + Q, D_t] -> [R * B, length, D_t] (r is the slow index), no positions yet.
  // Requires length <= n + P + Q - 1.
  static torch::Tensor Assemble(const torch::Tensor& tokens, const torch::Tensor& learned, int64_t length);

 private:
  torch::Tensor context_;   // [B, P, D_t]
  torch::Tensor normal_;    // [B, Q, D_t]
  torch::Tensor abnormal_;  // [B, Q, D_t]
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_NETWORK_PROMPT_BANK_H_
