#include "model/network/transformer.h"

#include "absl/strings/str_cat.h"

namespace bayespfl {

ResidualBlock ResidualBlock::Load(WeightReader& reader, const std::string& prefix, int64_t width, int64_t heads) {
  ResidualBlock block;
  block.heads_ = heads;
  block.ln_1_ = reader.TakeLayerNorm(prefix + "ln_1", width);
  block.in_proj_ = {reader.TakeHalf(prefix + "attn.in_proj_weight", {3 * width, width}),
                    reader.TakeHalf(prefix + "attn.in_proj_bias", {3 * width})};
  block.out_proj_ = reader.TakeHalfLinear(prefix + "attn.out_proj", width, width);
  block.ln_2_ = reader.TakeLayerNorm(prefix + "ln_2", width);
  block.fc_ = reader.TakeHalfLinear(prefix + "mlp.c_fc", width, 4 * width);
  block.proj_ = reader.TakeHalfLinear(prefix + "mlp.c_proj", 4 * width, width);
  return block;
}

torch::Tensor ResidualBlock::Forward(const torch::Tensor& x, bool causal) const {
  const torch::Tensor attended = x + Attend(ln_1_(x), causal);
  return attended + proj_(torch::gelu(fc_(ln_2_(attended)), "none"));
}

torch::Tensor ResidualBlock::Attend(const torch::Tensor& x, bool causal) const {
  const int64_t batch = x.size(0);
  const int64_t length = x.size(1);
  const int64_t width = x.size(2);
  // [N, L, 3 width] -> three of [N, heads, L, width / heads]
  const torch::Tensor qkv = in_proj_(x).view({batch, length, 3, heads_, width / heads_}).permute({2, 0, 3, 1, 4});
  const torch::Tensor mixed =
      at::scaled_dot_product_attention(qkv[0], qkv[1], qkv[2], /*attn_mask=*/{},
                                       /*dropout_p=*/0.0, causal);  // [N, heads, L, width / heads]
  return out_proj_(mixed.transpose(1, 2).reshape({batch, length, width}));
}

std::vector<ResidualBlock> LoadBlocks(WeightReader& reader, const std::string& prefix, const TowerConfig& tower) {
  std::vector<ResidualBlock> blocks;
  for (int64_t i = 0; i < tower.layers; ++i) {
    blocks.push_back(ResidualBlock::Load(reader, absl::StrCat(prefix, i, "."), tower.width, tower.heads));
  }
  return blocks;
}

}  // namespace bayespfl
