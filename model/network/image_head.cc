#include "model/network/image_head.h"

#include "model/network/row_dots.h"
#include "model/network/unit_length.h"

namespace bayespfl {

ImageHead ImageHead::Load(WeightReader& reader, const ModelConfig& config) {
  ImageHead head;
  const int64_t width = config.text.width;
  const int64_t tapped_width = static_cast<int64_t>(config.tapped_layers.size()) * config.vision.width;
  head.stage_ = config.stage;
  head.class_mapping_ = reader.TakeLinear("class_mapping", width, width);
  head.image_mapping_ = reader.TakeLinear("image_mapping", width, width);
  head.fuse_ = reader.TakeLinear("fuse.fuse_modules", tapped_width, config.encoder_width);
  head.compress_ = reader.TakeLinear("fuse.compress", config.encoder_width, 1);
  head.post_ = reader.TakeLinear("fuse.post_process", config.encoder_width, width);
  head.scale_ = reader.Take("temperature_image", {});
  if (reader.status().ok()) head.scale_ = torch::exp(head.scale_);
  return head;
}

torch::Tensor ImageHead::FuseTokens(const VisionFeatures& features) const {
  const torch::Tensor fused = fuse_(torch::cat(features.patch_tokens, -1));  // [N, L, H]
  const torch::Tensor weights = torch::softmax(compress_(fused), 1);         // [N, L, 1]
  return post_((weights * fused).sum(1));                                    // [N, D_t]
}

torch::Tensor ImageHead::ImageEmbedding(const VisionFeatures& features) const {
  if (stage_ == 1) return UnitLength(features.image);
  return UnitLength(MapImage(features));
}

torch::Tensor ImageHead::Logits(const torch::Tensor& text, const torch::Tensor& image_embedding) const {
  return scale_ * RowDots(UnitLength(MapClasses(text)), image_embedding);
}

torch::Tensor AbnormalProbability(const torch::Tensor& logits, int64_t axis) {
  const int64_t pairs = logits.size(axis) / 2;
  // softmax of two is the sigmoid of their difference.
  return torch::sigmoid(logits.slice(axis, pairs) - logits.slice(axis, 0, pairs));
}

}  // namespace bayespfl
