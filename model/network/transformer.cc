#include "model/network/transformer.h"

#include "absl/strings/str_cat.h"

namespace bayespfl {

ResidualBlock ResidualBlock::Load(WeightReader& reader, const std::string& prefix, const TowerConfig& tower,
                                  const NetworkKernels& kernels, Precision precision) {
  const int64_t width = tower.width;
  ResidualBlock block;
  block.attention_ = {
      .heads = tower.heads, .kernel = kernels.attention, .precision = precision, .narrow = kernels.narrow_attention};
  block.ln_1_ = reader.TakeLayerNorm(prefix + "ln_1", width);
  block.ln_2_ = reader.TakeLayerNorm(prefix + "ln_2", width);
  const Linear in_proj = {reader.TakeHalf(prefix + "attn.in_proj_weight", {3 * width, width}),
                          reader.TakeHalf(prefix + "attn.in_proj_bias", {3 * width})};
  const Linear out_proj = reader.TakeHalfLinear(prefix + "attn.out_proj", width, width);
  const Linear fc = reader.TakeHalfLinear(prefix + "mlp.c_fc", width, 4 * width);
  const Linear proj = reader.TakeHalfLinear(prefix + "mlp.c_proj", 4 * width, width);
  if (!reader.status().ok()) return block;
  block.in_proj_ = {in_proj, kernels.linear, precision};
  block.out_proj_ = {out_proj, kernels.linear, precision};
  block.fc_ = {fc, kernels.linear, precision};
  block.proj_ = {proj, kernels.linear, precision};
  return block;
}

torch::Tensor ResidualBlock::Forward(const torch::Tensor& x, bool causal) const {
  return Finish(x, Attend(in_proj_(ln_1_(x)), causal));
}

torch::Tensor ResidualBlock::ForwardShared(const torch::Tensor& rows, const SharedPrompts& prompts) const {
  return Finish(rows, AttendShared(rows, prompts).index_select(0, prompts.places));
}

torch::Tensor ResidualBlock::ForwardEnds(const torch::Tensor& rows, const SharedPrompts& prompts) const {
  const torch::Tensor end_rows = prompts.sequences.flatten().index_select(0, prompts.ends);
  return Finish(rows.index_select(0, end_rows), AttendShared(rows, prompts).index_select(0, prompts.ends));
}

torch::Tensor ResidualBlock::AttendShared(const torch::Tensor& rows, const SharedPrompts& prompts) const {
  const torch::Tensor qkv = in_proj_(ln_1_(rows)).index_select(0, prompts.sequences.flatten());
  const torch::Tensor sequences = qkv.view({prompts.sequences.size(0), prompts.sequences.size(1), qkv.size(1)});
  return Attend(sequences, /*causal=*/true).flatten(0, 1);
}

torch::Tensor ResidualBlock::Attend(const torch::Tensor& qkv, bool causal) const {
  SelfAttentionOptions options = attention_;
  options.causal = causal;
  return SelfAttention(qkv, options);
}

torch::Tensor ResidualBlock::Finish(const torch::Tensor& x, const torch::Tensor& mixed) const {
  const torch::Tensor attended = out_proj_.AddedTo(x, mixed);
  return proj_.AddedTo(attended, fc_.Gelu(ln_2_(attended)));
}

std::vector<ResidualBlock> LoadBlocks(WeightReader& reader, const std::string& prefix, const TowerConfig& tower,
                                      const NetworkKernels& kernels, Precision precision) {
  std::vector<ResidualBlock> blocks;
  for (int64_t i = 0; i < tower.layers; ++i) {
    blocks.push_back(ResidualBlock::Load(reader, absl::StrCat(prefix, i, "."), tower, kernels, precision));
  }
  return blocks;
}

}  // namespace bayespfl
