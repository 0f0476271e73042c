#include "model/network/vision_transformer.h"

#include "model/network/position_grid.h"

namespace bayespfl {
VisionTransformer VisionTransformer::Load(WeightReader& reader, const ModelConfig& config,
                                          const NetworkKernels& kernels, Precision precision) {
  VisionTransformer tower;
  const int64_t width = config.vision.width;
  const int64_t patch = config.patch_size;
  const int64_t pretrain_grid = config.pretrain_grid();
  tower.patch_size_ = patch;
  tower.tapped_layers_ = config.tapped_layers;
  tower.patch_weight_ = reader.TakeHalf("visual.conv1.weight", {width, 3, patch, patch});
  tower.class_embedding_ = reader.Take("visual.class_embedding", {width});
  tower.positional_embedding_ = reader.Take("visual.positional_embedding", {1 + pretrain_grid * pretrain_grid, width});
  tower.ln_pre_ = reader.TakeLayerNorm("visual.ln_pre", width);
  tower.blocks_ = LoadBlocks(reader, "visual.transformer.resblocks.", config.vision, kernels, precision);
  tower.ln_post_ = reader.TakeLayerNorm("visual.ln_post", width);
  tower.projection_ = reader.TakeHalf("visual.proj", {width, config.embed_dim});
  if (!reader.status().ok()) return tower;
  tower.patch_weight_ = tower.patch_weight_.reshape({width, 3 * patch * patch});
  tower.positional_embedding_ = ResizePositions(tower.positional_embedding_, pretrain_grid, config.grid());
  return tower;
}

torch::Tensor VisionTransformer::Embed(const torch::Tensor& images) const {
  const int64_t batch = images.size(0);
  const int64_t grid = images.size(2) / patch_size_;
  // A convolution whose stride is its kernel is one matrix product over cut-out patches.
  const torch::Tensor patches = images.view({batch, 3, grid, patch_size_, grid, patch_size_})
                                    .permute({0, 2, 4, 1, 3, 5})
                                    .reshape({batch, grid * grid, 3 * patch_size_ * patch_size_});
  const torch::Tensor tokens = torch::linear(patches, patch_weight_);  // [N, L, D_v]
  const torch::Tensor class_tokens = class_embedding_.expand({batch, 1, class_embedding_.size(0)});
  return ln_pre_(torch::cat({class_tokens, tokens}, 1) + positional_embedding_);
}

VisionFeatures VisionTransformer::Encode(const torch::Tensor& images) const {
  VisionFeatures features;
  torch::Tensor x = Embed(images);
  size_t next_tap = 0;
  for (size_t i = 0; i < blocks_.size(); ++i) {
    x = blocks_[i].Forward(x, /*causal=*/false);
    if (next_tap < tapped_layers_.size() && static_cast<int64_t>(i) + 1 == tapped_layers_[next_tap]) {
      features.patch_tokens.push_back(x.slice(1, 1));
      ++next_tap;
    }
  }
  features.image = torch::matmul(ln_post_(x.select(1, 0)), projection_);
  return features;
}

}  // namespace bayespfl
