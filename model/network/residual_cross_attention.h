// Residual cross-attention (RCA): text embeddings look at the patches of each tapped layer before they are compared.
#ifndef BAYESPFL_MODEL_NETWORK_RESIDUAL_CROSS_ATTENTION_H_
#define BAYESPFL_MODEL_NETWORK_RESIDUAL_CROSS_ATTENTION_H_

#include <vector>

#include "model/libtorch.h"
#include "model/network/weights.h"
#include "model/package/model_config.h"

namespace bayespfl {

// Immutable after Load(); safe from many threads.
class ResidualCrossAttention {
 public:
  static ResidualCrossAttention Load(WeightReader& reader, const ModelConfig& config);

  // Patch tokens V_l of tapped layer `layer` [.., L, D_v] -> F [.., L, D_t], unit length.
  torch::Tensor ProjectPatches(size_t layer, const torch::Tensor& patch_tokens) const;

  // Of text T [.., 2M, D_t], the same for every layer: q_proj_pre(T), [.., 2M, D_t].
  torch::Tensor Queries(const torch::Tensor& text) const { return query_(text); }

  // Of each picture: text T [.., 2M, D_t] (unit rows), patches F [.., L, D_t] -> refined text [.., 2M, D_t], unit rows.
  // Keys and values are both F; the scale is D_t^-1/2 (the full width, not a head's), as in the reference. `queries` is
  // Queries(text).
  torch::Tensor RefineText(const torch::Tensor& text, const torch::Tensor& queries, const torch::Tensor& patches) const;
  torch::Tensor RefineText(const torch::Tensor& text, const torch::Tensor& patches) const {
    return RefineText(text, Queries(text), patches);
  }

  // exp(tau_pix) T_refined F^T: similarity of every text row with every patch of its picture, [.., rows, L].
  torch::Tensor PixelLogits(const torch::Tensor& refined_text, const torch::Tensor& patches) const;

 private:
  int64_t heads_ = 1;
  std::vector<torch::Tensor> projections_;  // four of [D_t, D_v]
  Linear query_;
  torch::Tensor scale_;  // exp(tau_pix)
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_NETWORK_RESIDUAL_CROSS_ATTENTION_H_
