// Reads a model's sizes from its tensors' shapes.
#ifndef BAYESPFL_MODEL_CHECKPOINT_ARCHITECTURE_H_
#define BAYESPFL_MODEL_CHECKPOINT_ARCHITECTURE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/checkpoint/upstream_names.h"
#include "model/package/model_config.h"

namespace bayespfl {

// What shapes do not tell. 0 or empty: the default.
struct ArchitectureOptions {
  int64_t vision_heads = 0;            // default: width / 64, as CLIP and the reference have it
  int64_t text_heads = 0;              // likewise
  std::vector<int64_t> tapped_layers;  // 1-based; default: four, evenly spaced, the last block among them
};

// The sizes of `config` (ModelConfig's first group), from CLIP's and Bayes-PFL's tensors under the package's names.
// InvalidArgument: a width is no multiple of 64 and the heads are not given. DataLoss: a tensor that tells a size is
// missing or has another number of axes or one above kMaxDimension; the message names it.
absl::StatusOr<ModelConfig> InferArchitecture(const Tensors& clip, const Tensors& bayespfl,
                                              const ArchitectureOptions& options);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_CHECKPOINT_ARCHITECTURE_H_
