#include "model/training/optimiser.h"

#include <cmath>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "model/training/muon.h"

namespace bayespfl {
namespace {

constexpr double kEpsilon = 1e-8;

// The three tensors of a parameter.
constexpr char kFirst[] = "/first";
constexpr char kSecond[] = "/second";
constexpr char kSteps[] = "/steps";
// The one of a matrix that Muon moves.
constexpr char kMomentum[] = "/momentum";

// CLIP's projections of queries, keys and values are one tensor.
int64_t ProductsOf(const std::string& name) { return absl::EndsWith(name, "in_proj_weight") ? 3 : 1; }

}  // namespace

void Optimiser::Step(const std::string& name, const torch::Tensor& parameter, const torch::Tensor& gradient,
                     double rate) {
  const torch::NoGradGuard no_grad;
  Moments& moments = moments_[name];
  if (!moments.first.defined()) {
    moments.first = torch::zeros_like(parameter);
    moments.second = torch::zeros_like(parameter);
  }
  ++moments.steps;
  moments.first.lerp_(gradient, 1 - options_.beta1);
  moments.second.mul_(options_.beta2).addcmul_(gradient, gradient, 1 - options_.beta2);
  const auto steps = static_cast<double>(moments.steps);
  const double step_size = rate / (1 - std::pow(options_.beta1, steps));
  const double root_of_correction = std::sqrt(1 - std::pow(options_.beta2, steps));
  const torch::Tensor denominator = (moments.second.sqrt() / root_of_correction).add_(kEpsilon);
  parameter.addcdiv_(moments.first, denominator, -step_size);
}

void Optimiser::StepAll(const std::vector<ParameterGroup>& groups, double factor, const TensorMap& gradients,
                        const TensorMap& parameters) {
  for (const ParameterGroup& group : groups) {
    for (const std::string& name : group.names) {
      const auto gradient = gradients.find(name);
      if (gradient == gradients.end()) continue;
      const double rate = group.learning_rate * factor;
      const torch::Tensor& parameter = parameters.at(name);
      if (group.weight_decay > 0) {
        const torch::NoGradGuard no_grad;
        parameter.mul_(1 - rate * group.weight_decay);
      }
      if (group.muon) {
        torch::Tensor& momentum = momenta_[name];
        if (!momentum.defined()) momentum = torch::zeros_like(parameter);
        MuonStep(parameter, gradient->second, momentum, rate, ProductsOf(name));
      } else {
        Step(name, parameter, gradient->second, rate);
      }
    }
  }
}

TensorMap Optimiser::State() const {
  TensorMap state;
  for (const auto& [name, moments] : moments_) {
    state.emplace(name + kFirst, moments.first);
    state.emplace(name + kSecond, moments.second);
    state.emplace(name + kSteps, torch::tensor(moments.steps, torch::kInt64));
  }
  for (const auto& [name, momentum] : momenta_) state.emplace(name + kMomentum, momentum);
  return state;
}

absl::Status Optimiser::Restore(const TensorMap& state, const TensorMap& parameters) {
  std::map<std::string, Moments> restored;
  TensorMap momenta;
  size_t taken = 0;
  for (const auto& [name, parameter] : parameters) {
    // Copies: the caller may go on with its tensors.
    const auto copy = [&device_of = parameter](const torch::Tensor& tensor) {
      return tensor.to(device_of.device(), /*non_blocking=*/false, /*copy=*/true);
    };
    const auto momentum = state.find(name + kMomentum);
    if (momentum != state.end() && momentum->second.sizes() == parameter.sizes()) {
      momenta.emplace(name, copy(momentum->second));
      ++taken;
    }
    const auto first = state.find(name + kFirst);
    const auto second = state.find(name + kSecond);
    const auto steps = state.find(name + kSteps);
    const int there = (first != state.end()) + (second != state.end()) + (steps != state.end());
    if (there == 0) continue;
    if (there != 3 || first->second.sizes() != parameter.sizes() || second->second.sizes() != parameter.sizes() ||
        steps->second.scalar_type() != torch::kInt64 || steps->second.numel() != 1) {
      return absl::DataLossError(absl::StrCat("the optimiser's moments of ", name, " are not whole"));
    }
    restored[name] = {
        .first = copy(first->second), .second = copy(second->second), .steps = steps->second.item<int64_t>()};
    taken += 3;
  }
  if (taken != state.size()) return absl::DataLossError("the optimiser has moments of parameters that are not there");
  moments_ = std::move(restored);
  momenta_ = std::move(momenta);
  return absl::OkStatus();
}

}  // namespace bayespfl
