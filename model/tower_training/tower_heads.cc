#include "model/tower_training/tower_heads.h"

#include <string>

#include "absl/strings/str_cat.h"

namespace bayespfl {
namespace {

std::string PatchHead(size_t layer) { return absl::StrCat("heads.patches.", layer); }
constexpr char kImageHead[] = "heads.image";
constexpr char kTeacherHead[] = "heads.teacher";

void Add(const std::string& name, int64_t in, int64_t out, torch::Device device, TensorMap& heads) {
  heads.emplace(name + ".weight", torch::zeros({out, in}, device).requires_grad_());
  heads.emplace(name + ".bias", torch::zeros({out}, device).requires_grad_());
}

}  // namespace

TensorMap MakeTowerHeads(const ModelConfig& config, int64_t teacher_channels, torch::Device device) {
  TensorMap heads;
  for (size_t layer = 0; layer < config.tapped_layers.size(); ++layer) {
    Add(PatchHead(layer), config.vision.width, 1, device, heads);
  }
  Add(kImageHead, config.embed_dim, 2, device, heads);
  if (teacher_channels > 0) Add(kTeacherHead, config.vision.width, teacher_channels, device, heads);
  return heads;
}

TowerHeads TowerHeads::Load(WeightReader& reader, const ModelConfig& config, int64_t teacher_channels) {
  TowerHeads heads;
  for (size_t layer = 0; layer < config.tapped_layers.size(); ++layer) {
    heads.patches_.push_back(reader.TakeLinear(PatchHead(layer), config.vision.width, 1));
  }
  heads.image_ = reader.TakeLinear(kImageHead, config.embed_dim, 2);
  if (teacher_channels > 0) heads.teacher_ = reader.TakeLinear(kTeacherHead, config.vision.width, teacher_channels);
  return heads;
}

torch::Tensor TowerHeads::PatchLogits(size_t layer, const torch::Tensor& patch_tokens) const {
  return patches_[layer](patch_tokens).squeeze(-1);
}

}  // namespace bayespfl
