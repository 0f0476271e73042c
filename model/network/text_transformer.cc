#include "model/network/text_transformer.h"

namespace bayespfl {

TextTransformer TextTransformer::Load(WeightReader& reader, const ModelConfig& config, const NetworkKernels& kernels,
                                      Precision precision) {
  TextTransformer tower;
  tower.token_embedding_ = reader.Take("token_embedding.weight", {config.vocabulary_size, config.text.width});
  tower.positional_embedding_ = reader.Take("positional_embedding", {config.context_length, config.text.width});
  tower.blocks_ = LoadBlocks(reader, "transformer.resblocks.", config.text, kernels, precision);
  tower.ln_final_ = reader.TakeLayerNorm("ln_final", config.text.width);
  tower.projection_ = reader.TakeHalf("text_projection", {config.text.width, config.embed_dim});
  return tower;
}

torch::Tensor TextTransformer::EmbedTokens(const std::vector<int32_t>& ids) const {
  const torch::Tensor indices = torch::tensor(ids, torch::kInt32).to(token_embedding_.device());
  return token_embedding_.index_select(0, indices);
}

torch::Tensor TextTransformer::Encode(const torch::Tensor& x, const torch::Tensor& end) const {
  torch::Tensor hidden = x;
  for (const ResidualBlock& block : blocks_) hidden = block.Forward(hidden, /*causal=*/true);
  // Layer norm works row by row: only the rows that are read need it.
  const torch::Tensor index = end.view({-1, 1, 1}).expand({-1, 1, hidden.size(2)});
  return torch::matmul(ln_final_(hidden.gather(1, index).squeeze(1)), projection_);
}

torch::Tensor TextTransformer::EncodeShared(const SharedPrompts& prompts) const {
  torch::Tensor hidden = prompts.rows;
  for (size_t i = 0; i + 1 < blocks_.size(); ++i) hidden = blocks_[i].ForwardShared(hidden, prompts);
  return torch::matmul(ln_final_(blocks_.back().ForwardEnds(hidden, prompts)), projection_);
}

}  // namespace bayespfl
