#include "model/checkpoint/architecture.h"

#include <cmath>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "model/package/limits.h"

namespace bayespfl {
namespace {

constexpr int64_t kHeadWidth = 64;  // of CLIP's transformers
constexpr int64_t kRcaHeads = 4;    // never stored; fixed in the reference
constexpr int64_t kTappedLayers = 4;

// Reads sizes; remembers the first tensor that is missing or strange.
class SizeReader {
 public:
  SizeReader(const Tensors& tensors, absl::string_view what) : tensors_(tensors), what_(what) {}

  // Size of one axis, at most kMaxDimension, of a tensor that must have `axes` of them; 1 on error.
  int64_t Size(const std::string& name, size_t axes, size_t axis) {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) {
      Fail(absl::StrCat("tensor ", name, " is missing: the file is not ", what_));
      return 1;
    }
    if (found->second.shape.size() != axes || found->second.shape[axis] < 1) {
      Fail(absl::StrCat("tensor ", name, " has ", found->second.shape.size(), " axes instead of ", axes,
                        ", or no elements: the file is not ", what_));
      return 1;
    }
    const int64_t size = found->second.shape[axis];
    if (size > kMaxDimension) {
      Fail(absl::StrCat("tensor ", name, " has an axis of length ", size, ": the file is not ", what_));
      return 1;
    }
    return size;
  }

  // How many blocks "<prefix>0.", "<prefix>1." ... there are.
  int64_t Blocks(const std::string& prefix) const {
    int64_t count = 0;
    while (tensors_.contains(absl::StrCat(prefix, count, ".ln_1.weight"))) ++count;
    return count;
  }

  void Fail(const std::string& why) {
    if (status_.ok()) status_ = absl::DataLossError(why);
  }
  const absl::Status& status() const { return status_; }

 private:
  const Tensors& tensors_;
  absl::string_view what_;
  absl::Status status_;
};

absl::StatusOr<int64_t> Heads(absl::string_view tower, int64_t width, int64_t given) {
  if (given > 0) return given;
  if (width % kHeadWidth == 0) return width / kHeadWidth;
  return absl::InvalidArgumentError(absl::StrCat("the ", tower, " tower is ", width, " wide, no multiple of ",
                                                 kHeadWidth, ": its number of heads must be given (--", tower,
                                                 "-heads)"));
}

std::vector<int64_t> EvenlySpaced(int64_t layers) {
  std::vector<int64_t> tapped;
  for (int64_t i = 1; i <= kTappedLayers; ++i) tapped.push_back(layers * i / kTappedLayers);
  return tapped;
}

}  // namespace

absl::StatusOr<ModelConfig> InferArchitecture(const Tensors& clip, const Tensors& bayespfl,
                                              const ArchitectureOptions& options) {
  ModelConfig config;
  SizeReader sizes(clip, "a CLIP with a vision transformer (--clip)");
  config.vision.width = sizes.Size("visual.conv1.weight", 4, 0);
  config.patch_size = sizes.Size("visual.conv1.weight", 4, 3);
  const int64_t patches = sizes.Size("visual.positional_embedding", 2, 0) - 1;
  config.pretrain_image_size = config.patch_size * std::llround(std::sqrt(static_cast<double>(patches)));
  config.vision.layers = sizes.Blocks("visual.transformer.resblocks.");
  config.text.width = sizes.Size("ln_final.weight", 1, 0);
  config.text.layers = sizes.Blocks("transformer.resblocks.");
  config.context_length = sizes.Size("positional_embedding", 2, 0);
  config.vocabulary_size = sizes.Size("token_embedding.weight", 2, 0);
  config.embed_dim = sizes.Size("text_projection", 2, 1);
  if (!sizes.status().ok()) return sizes.status();

  SizeReader weights(bayespfl, "a Bayes-PFL checkpoint (--weights)");
  config.prompts = weights.Size("prompt_context", 3, 0);
  config.context_rows = weights.Size("prompt_context", 3, 1);
  config.state_rows = weights.Size("prompt_state_normal", 3, 1);
  config.flow_steps = weights.Size("PFL_normal.amor_u", 4, 1);
  config.encoder_width = weights.Size("context_encoder.weight_mean.module.0.weight", 2, 0);
  if (!weights.status().ok()) return weights.status();

  config.rca_heads = kRcaHeads;
  config.tapped_layers = options.tapped_layers.empty() ? EvenlySpaced(config.vision.layers) : options.tapped_layers;
  const absl::StatusOr<int64_t> vision_heads = Heads("vision", config.vision.width, options.vision_heads);
  if (!vision_heads.ok()) return vision_heads.status();
  config.vision.heads = *vision_heads;
  const absl::StatusOr<int64_t> text_heads = Heads("text", config.text.width, options.text_heads);
  if (!text_heads.ok()) return text_heads.status();
  config.text.heads = *text_heads;
  return config;
}

}  // namespace bayespfl
