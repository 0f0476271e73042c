// The image-level head: text embeddings against the image embedding.
#ifndef BAYESPFL_MODEL_NETWORK_IMAGE_HEAD_H_
#define BAYESPFL_MODEL_NETWORK_IMAGE_HEAD_H_

#include "model/libtorch.h"
#include "model/network/vision_transformer.h"
#include "model/network/weights.h"
#include "model/package/model_config.h"

namespace bayespfl {

// Immutable after Load(); safe from many threads.
class ImageHead {
 public:
  static ImageHead Load(WeightReader& reader, const ModelConfig& config);

  // a: [N, E], unit rows. Stage 1: unit(f). Stage 2: unit((f + h) W_i^T + b_i) with h fused from the tapped tokens.
  torch::Tensor ImageEmbedding(const VisionFeatures& features) const;
  // h of stage 2: [N, D_t].
  torch::Tensor FuseTokens(const VisionFeatures& features) const;
  // (f + h) W_i^T + b_i, before normalisation: [N, E].
  torch::Tensor MapImage(const VisionFeatures& features) const {
    return image_mapping_(features.image + FuseTokens(features));
  }
  // T W_c^T + b_c, before normalisation: [.., 2M, E] -> [.., 2M, E].
  torch::Tensor MapClasses(const torch::Tensor& text) const { return class_mapping_(text); }
  // exp(tau_img) unit(MapClasses(T)) . a for a picture: text [.., 2M, E], image embedding [.., E] -> [.., 2M].
  torch::Tensor Logits(const torch::Tensor& text, const torch::Tensor& image_embedding) const;

 private:
  int stage_ = 2;
  Linear class_mapping_;
  Linear image_mapping_;
  Linear fuse_;          // W_1: [H, 4 D_v]
  Linear compress_;      // w_2: [1, H]
  Linear post_;          // W_3: [D_t, H]
  torch::Tensor scale_;  // exp(tau_img)
};

// softmax over each (normal, abnormal) pair along `axis`, abnormal's share: logits [.., 2M, ..], normal ones first ->
// [.., M, ..].
torch::Tensor AbnormalProbability(const torch::Tensor& logits, int64_t axis);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_NETWORK_IMAGE_HEAD_H_
