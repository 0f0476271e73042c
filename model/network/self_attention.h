// The attention of the towers' blocks, between their projections.
#ifndef BAYESPFL_MODEL_NETWORK_SELF_ATTENTION_H_
#define BAYESPFL_MODEL_NETWORK_SELF_ATTENTION_H_

#include <cstdint>
#include <optional>

#include "model/kernels/instruction_set.h"
#include "model/libtorch.h"
#include "model/package/precision.h"

namespace bayespfl {

struct SelfAttentionOptions {
  int64_t heads = 1;
  bool causal = false;  // position i sees positions 0..i only
  // A kernel of our own where it can (heads of 64, not causal, on the CPU); else, and without one, LibTorch's.
  std::optional<InstructionSet> kernel = std::nullopt;
  Precision precision = Precision::kFp32;
  bool narrow = false;  // LibTorch's in bf16 and fp16: multiplies numbers of 16 bits, not floats that were rounded
};

// softmax(Q K^T / sqrt(width / heads)) V: qkv [N, L, 3 width] (queries, keys, values; heads are contiguous slices) ->
// [N, L, width]. Where a gradient is wanted: by products and a softmax alone, whose backward gives the same bits each
// time on a GPU too, where the fused one's does not. Other precisions than fp32 round qkv to OperandType(). Our own
// kernel rounds the softmax's weights too and gives bfloat16 (model/kernels/attention.h), and so does LibTorch's with
// `narrow`, in that type; without it LibTorch's computes and gives floats. Sums and the softmax are floats in each.
torch::Tensor SelfAttention(const torch::Tensor& qkv, const SelfAttentionOptions& options);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_NETWORK_SELF_ATTENTION_H_
