// Linear maps that help towers to learn and are thrown away with the run: they read off the tokens what the losses want
// before prompts and texts mean anything.
#ifndef BAYESPFL_MODEL_TOWER_TRAINING_TOWER_HEADS_H_
#define BAYESPFL_MODEL_TOWER_TRAINING_TOWER_HEADS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/libtorch.h"
#include "model/network/vision_transformer.h"
#include "model/network/weights.h"
#include "model/package/model_config.h"

namespace bayespfl {

// Leaves that want a gradient, "heads.*", all of them 0: a linear map learns from there. `teacher_channels` 0: no
// teacher.
TensorMap MakeTowerHeads(const ModelConfig& config, int64_t teacher_channels, torch::Device device);

// The maps of a step. Immutable.
class TowerHeads {
 public:
  // Takes them out of MakeTowerHeads()' tensors.
  static TowerHeads Load(WeightReader& reader, const ModelConfig& config, int64_t teacher_channels);

  // How anomalous every patch of a tapped layer is: V_l [N, L, D_v] -> logits [N, L].
  torch::Tensor PatchLogits(size_t layer, const torch::Tensor& patch_tokens) const;
  // f [N, E] -> logits [N, 2]: normal, anomalous.
  torch::Tensor ImageLogits(const torch::Tensor& image) const { return image_(image); }
  // The teacher's features as the tokens of layer TaughtLayer() tell them: [N, L, D_v] -> [N, L, C]. Requires a
  // teacher.
  torch::Tensor TaughtFeatures(const torch::Tensor& patch_tokens) const { return teacher_(patch_tokens); }

  // Index of the tapped layer that a teacher teaches: the last but one. What comes after it is free for what the
  // teacher does not know, defects.
  static size_t TaughtLayer(const ModelConfig& config) { return config.tapped_layers.size() - 2; }

 private:
  std::vector<Linear> patches_;  // of each tapped layer
  Linear image_;
  Linear teacher_;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TOWER_TRAINING_TOWER_HEADS_H_
