// CLIP's vision transformer, run at a larger picture than it was trained with, with patch tokens tapped on the way.
#ifndef BAYESPFL_MODEL_NETWORK_VISION_TRANSFORMER_H_
#define BAYESPFL_MODEL_NETWORK_VISION_TRANSFORMER_H_

#include <vector>

#include "model/libtorch.h"
#include "model/network/network_kernels.h"
#include "model/network/transformer.h"
#include "model/network/weights.h"
#include "model/package/model_config.h"
#include "model/package/precision.h"

namespace bayespfl {

struct VisionFeatures {
  torch::Tensor image;  // f: [N, E], not normalised
  std::vector<torch::Tensor>
      patch_tokens;  // V_l: four of [N, L, D_v], no layer norm, no projection, class token removed
};

// Immutable after Load(); safe from many threads.
class VisionTransformer {
 public:
  static VisionTransformer Load(WeightReader& reader, const ModelConfig& config, const NetworkKernels& kernels,
                                Precision precision);

  // images [N, 3, S, S], normalised.
  VisionFeatures Encode(const torch::Tensor& images) const;

  // LN_pre([class embedding; patches] + positional embedding): [N, 1 + L, D_v], what the first block gets.
  torch::Tensor Embed(const torch::Tensor& images) const;

  // [1 + G*G, D_v]: the class row as stored, the grid resized from G0 to G (position_grid.h).
  const torch::Tensor& positional_embedding() const { return positional_embedding_; }

 private:
  int64_t patch_size_ = 0;
  std::vector<int64_t> tapped_layers_;
  torch::Tensor patch_weight_;  // [D_v, 3 p p]
  torch::Tensor class_embedding_;
  torch::Tensor positional_embedding_;
  LayerNorm ln_pre_;
  std::vector<ResidualBlock> blocks_;
  LayerNorm ln_post_;
  torch::Tensor projection_;  // [D_v, E]
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_NETWORK_VISION_TRANSFORMER_H_
