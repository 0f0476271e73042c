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

torch::Tensor TextTransformer::EmbedTokens(const torch::Tensor& ids) const {
  return token_embedding_.index_select(0, ids);
}

torch::Tensor TextTransformer::Encode(const torch::Tensor& x, const torch::Tensor& ends) const {
  torch::Tensor hidden = x;
  for (const ResidualBlock& block : blocks_) hidden = block.Forward(hidden, /*causal=*/true);
  // Layer norm works row by row: only the rows that are read need it.
  return torch::matmul(ln_final_(hidden.flatten(0, 1).index_select(0, ends)), projection_);
}

torch::Tensor TextTransformer::EncodeShared(const SharedPrompts& prompts) const {
  torch::Tensor hidden = prompts.rows;
  for (size_t i = 0; i + 1 < blocks_.size(); ++i) hidden = blocks_[i].ForwardShared(hidden, prompts);
  return torch::matmul(ln_final_(blocks_.back().ForwardEnds(hidden, prompts)), projection_);
}

}  // namespace bayespfl
