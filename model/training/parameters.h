// What training changes: Bayes-PFL's own tensors and, where the towers learn too, CLIP's.
#ifndef BAYESPFL_MODEL_TRAINING_PARAMETERS_H_
#define BAYESPFL_MODEL_TRAINING_PARAMETERS_H_

#include "absl/status/statusor.h"
#include "model/libtorch.h"
#include "model/network/weights.h"
#include "model/package/model_config.h"
#include "model/package/tensor_source.h"

namespace bayespfl {

// Every tensor of BayesPflTensors() that `source` holds, once, under its first name (CanonicalName()): fp32 leaves that
// want a gradient. Those that no result depends on are there too, so that a saved model is as whole as its source.
// DataLoss: a required one is missing, or one does not fit.
absl::StatusOr<TensorMap> LoadParameters(const TensorSource& source, const ModelConfig& config, torch::Device device);

// Likewise every tensor of ClipTensors() that `source` holds.
absl::StatusOr<TensorMap> LoadTowerParameters(const TensorSource& source, const ModelConfig& config,
                                              torch::Device device);

// Copies on the same device, which want no gradient.
TensorMap CopyOf(const TensorMap& tensors);

// Writes the values of `from` into the tensors of `to`; requires the same names and shapes.
void CopyValues(const TensorMap& from, const TensorMap& to);

// d loss / d parameter of those parameters that the loss depends on. Frees the graph of the loss.
TensorMap GradientsOf(const torch::Tensor& loss, const TensorMap& parameters);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_PARAMETERS_H_
