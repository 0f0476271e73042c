// The residual attention block both CLIP towers are made of.
#ifndef BAYESPFL_MODEL_NETWORK_TRANSFORMER_H_
#define BAYESPFL_MODEL_NETWORK_TRANSFORMER_H_

#include <string>
#include <vector>

#include "model/libtorch.h"
#include "model/network/block_linear.h"
#include "model/network/network_kernels.h"
#include "model/network/self_attention.h"
#include "model/network/shared_prompts.h"
#include "model/network/weights.h"
#include "model/package/model_config.h"
#include "model/package/precision.h"

namespace bayespfl {

// x <- x + Attn(LN_1 x); x <- x + W_2 gelu(W_1 LN_2(x) + b_1) + b_2. gelu is the exact erf form, not CLIP's QuickGELU:
// that is what the reference runs. Immutable after Load(); safe from many threads.
class ResidualBlock {
 public:
  // Reads "<prefix>ln_1.weight" and so on; errors are left in the reader.
  static ResidualBlock Load(WeightReader& reader, const std::string& prefix, const TowerConfig& tower,
                            const NetworkKernels& kernels, Precision precision);

  // x [N, L, width] -> [N, L, width]; `causal`: position i attends to positions 0..i only.
  torch::Tensor Forward(const torch::Tensor& x, bool causal) const;

  // The same, causal, for sequences that share rows: prompts.rows [n, width] -> [n, width].
  torch::Tensor ForwardShared(const torch::Tensor& rows, const SharedPrompts& prompts) const;
  // Of those only the rows at the sequences' ends: [N, width].
  torch::Tensor ForwardEnds(const torch::Tensor& rows, const SharedPrompts& prompts) const;

 private:
  // What the attention of every position of every sequence gives: [N * length, width].
  torch::Tensor AttendShared(const torch::Tensor& rows, const SharedPrompts& prompts) const;
  torch::Tensor Attend(const torch::Tensor& qkv, bool causal) const;
  // x <- x + out_proj(mixed), and the second half of the block.
  torch::Tensor Finish(const torch::Tensor& x, const torch::Tensor& mixed) const;

  SelfAttentionOptions attention_;
  LayerNorm ln_1_;
  BlockLinear in_proj_;  // rows: queries, keys, values
  BlockLinear out_proj_;
  LayerNorm ln_2_;
  BlockLinear fc_;
  BlockLinear proj_;
};

// Blocks "<prefix>0." .. "<prefix>{layers-1}.".
std::vector<ResidualBlock> LoadBlocks(WeightReader& reader, const std::string& prefix, const TowerConfig& tower,
                                      const NetworkKernels& kernels, Precision precision);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_NETWORK_TRANSFORMER_H_
