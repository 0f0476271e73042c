// The residual attention block both CLIP towers are made of.
#ifndef BAYESPFL_MODEL_NETWORK_TRANSFORMER_H_
#define BAYESPFL_MODEL_NETWORK_TRANSFORMER_H_

#include <string>
#include <vector>

#include "model/network/weights.h"
#include "model/package/model_config.h"
#include "torch/torch.h"

namespace bayespfl {

// x <- x + Attn(LN_1 x); x <- x + W_2 gelu(W_1 LN_2(x) + b_1) + b_2. gelu is the exact erf form, not CLIP's QuickGELU:
// that is what the reference runs. Immutable after Load(); safe from many threads.
class ResidualBlock {
 public:
  // Reads "<prefix>ln_1.weight" and so on; errors are left in the reader.
  static ResidualBlock Load(WeightReader& reader, const std::string& prefix, int64_t width, int64_t heads);

  // x [N, L, width] -> [N, L, width]; `causal`: position i attends to positions 0..i only.
  torch::Tensor Forward(const torch::Tensor& x, bool causal) const;

 private:
  torch::Tensor Attend(const torch::Tensor& x, bool causal) const;

  int64_t heads_ = 1;
  LayerNorm ln_1_;
  Linear in_proj_;  // rows: queries, keys, values
  Linear out_proj_;
  LayerNorm ln_2_;
  Linear fc_;
  Linear proj_;
};

// Blocks "<prefix>0." .. "<prefix>{layers-1}.".
std::vector<ResidualBlock> LoadBlocks(WeightReader& reader, const std::string& prefix, const TowerConfig& tower);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_NETWORK_TRANSFORMER_H_
