#include "model/network/residual_cross_attention.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "model/network/unit_length.h"

namespace bayespfl {

ResidualCrossAttention ResidualCrossAttention::Load(WeightReader& reader, const ModelConfig& config) {
  ResidualCrossAttention rca;
  const int64_t width = config.text.width;
  rca.heads_ = config.rca_heads;
  for (size_t layer = 0; layer < config.tapped_layers.size(); ++layer) {
    rca.projections_.push_back(
        reader.Take(absl::StrCat("RCA.linear_proj.", layer, ".weight"), {width, config.vision.width}));
  }
  rca.query_ = {reader.Take("RCA.q_proj_pre.weight", {width, width, 1}), reader.Take("RCA.q_proj_pre.bias", {width})};
  rca.scale_ = reader.Take("temperature_pixel", {});
  if (!reader.status().ok()) return rca;
  rca.query_.weight = rca.query_.weight.squeeze(2);  // a width-1 convolution is a linear map
  rca.scale_ = torch::exp(rca.scale_);
  return rca;
}

torch::Tensor ResidualCrossAttention::ProjectPatches(size_t layer, const torch::Tensor& patch_tokens) const {
  return UnitLength(torch::linear(patch_tokens, projections_[layer]));
}

torch::Tensor ResidualCrossAttention::RefineText(const torch::Tensor& text, const torch::Tensor& queries,
                                                 const torch::Tensor& patches) const {
  const int64_t width = text.size(-1);
  const auto split = [&](const torch::Tensor& x) {  // [.., n, D_t] -> [.., heads, n, D_t / heads]
    return x.unflatten(-1, {heads_, width / heads_}).transpose(-3, -2);
  };
  const torch::Tensor keys = split(patches);
  const double scale = 1.0 / std::sqrt(static_cast<double>(width));
  const torch::Tensor weights = torch::softmax(torch::matmul(split(queries), keys.transpose(-2, -1)) * scale, -1);
  const torch::Tensor attended = torch::matmul(weights, keys).transpose(-3, -2).flatten(-2);
  return UnitLength(attended + text);
}

torch::Tensor ResidualCrossAttention::PixelLogits(const torch::Tensor& refined_text,
                                                  const torch::Tensor& patches) const {
  return scale_ * torch::matmul(refined_text, patches.transpose(-2, -1));
}

}  // namespace bayespfl
