// Which tensors a package's weight files hold, by name, for a configuration.
#ifndef BAYESPFL_MODEL_PACKAGE_TENSOR_CATALOGUE_H_
#define BAYESPFL_MODEL_PACKAGE_TENSOR_CATALOGUE_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "model/package/model_config.h"
#include "model/package/safetensors.h"

namespace bayespfl {

struct TensorSpec {
  std::vector<int64_t> shape;
  // False for what the reference stores and no result depends on: decoders, `p_mu`, and the second and third name of
  // shared modules.
  bool required = true;
  // CLIP's matrices, which OpenAI stores in half precision (and the model rounds to it when it loads them).
  bool half = false;
};
using TensorCatalogue = std::map<std::string, TensorSpec>;

// clip.safetensors, under OpenAI's names.
TensorCatalogue ClipTensors(const ModelConfig& config);

// bayespfl.safetensors, under the reference's names: the 131 entries of its state dictionary.
TensorCatalogue BayesPflTensors(const ModelConfig& config);

// Under which name a shared tensor of BayesPflTensors() comes first; `name` itself if it is not shared.
// ("PFL_normal.encoder.weight_mean.module.0.bias" -> "state_encoder.weight_mean.module.0.bias")
std::string CanonicalName(const std::string& name);

// Everything that keeps `tensors` (name -> type and shape) from being the catalogue's: missing, of another shape, no
// floating-point type, unknown. One line each; empty: it fits.
std::vector<std::string> CompareWithCatalogue(const TensorCatalogue& catalogue,
                                              const std::map<std::string, TensorInfo>& tensors);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_PACKAGE_TENSOR_CATALOGUE_H_
