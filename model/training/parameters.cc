#include "model/training/parameters.h"

#include <vector>

#include "model/package/tensor_catalogue.h"

namespace bayespfl {

namespace {

absl::StatusOr<TensorMap> LoadLeaves(const TensorSource& source, const TensorCatalogue& catalogue,
                                     torch::Device device) {
  WeightReader reader(source, device);
  TensorMap parameters;
  for (const auto& [name, spec] : catalogue) {
    if (CanonicalName(name) != name) continue;
    if (!spec.required && source.Find(name) == nullptr) continue;
    const torch::Tensor tensor = reader.Take(name, spec.shape);
    if (!reader.status().ok()) return reader.status();
    parameters.emplace(name, tensor.clone().requires_grad_());
  }
  return parameters;
}

}  // namespace

absl::StatusOr<TensorMap> LoadParameters(const TensorSource& source, const ModelConfig& config, torch::Device device) {
  return LoadLeaves(source, BayesPflTensors(config), device);
}

absl::StatusOr<TensorMap> LoadTowerParameters(const TensorSource& source, const ModelConfig& config,
                                              torch::Device device) {
  return LoadLeaves(source, ClipTensors(config), device);
}

TensorMap CopyOf(const TensorMap& tensors) {
  TensorMap copies;
  for (const auto& [name, tensor] : tensors) copies.emplace(name, tensor.detach().clone());
  return copies;
}

void CopyValues(const TensorMap& from, const TensorMap& to) {
  const torch::NoGradGuard no_grad;
  for (const auto& [name, tensor] : to) tensor.copy_(from.at(name));
}

TensorMap GradientsOf(const torch::Tensor& loss, const TensorMap& parameters) {
  std::vector<torch::Tensor> leaves;
  for (const auto& [name, parameter] : parameters) leaves.push_back(parameter);
  const std::vector<torch::Tensor> gradients =
      torch::autograd::grad({loss}, leaves, /*grad_outputs=*/{}, /*retain_graph=*/std::nullopt, /*create_graph=*/false,
                            /*allow_unused=*/true);
  TensorMap result;
  size_t next = 0;
  for (const auto& [name, parameter] : parameters) {
    const torch::Tensor& gradient = gradients[next++];
    if (gradient.defined()) result.emplace(name, gradient);
  }
  return result;
}

}  // namespace bayespfl
