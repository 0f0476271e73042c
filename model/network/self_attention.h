// The attention of the towers' blocks, between their projections.
#ifndef BAYESPFL_MODEL_NETWORK_SELF_ATTENTION_H_
#define BAYESPFL_MODEL_NETWORK_SELF_ATTENTION_H_

#include <cstdint>
#include <optional>

#include "model/kernels/instruction_set.h"
#include "torch/torch.h"

namespace bayespfl {

struct SelfAttentionOptions {
  int64_t heads = 1;
  bool causal = false;  // position i sees positions 0..i only
  // A kernel of our own where it can (heads of 64, not causal, fp32 on the CPU); else, and without one, LibTorch's.
  std::optional<InstructionSet> kernel;
};

// softmax(Q K^T / sqrt(width / heads)) V: qkv [N, L, 3 width] (queries, keys, values; heads are contiguous slices) ->
// [N, L, width].
torch::Tensor SelfAttention(const torch::Tensor& qkv, const SelfAttentionOptions& options);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_NETWORK_SELF_ATTENTION_H_
