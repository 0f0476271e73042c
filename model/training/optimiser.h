// What moves parameters by their gradients, with a state that can be saved to the bit: Adam (Kingma & Ba 2015) as
// PyTorch computes it; AdamW (Loshchilov & Hutter 2019) in groups with a weight decay; Muon (muon.h) for the matrices
// of groups that say so.
#ifndef BAYESPFL_MODEL_TRAINING_OPTIMISER_H_
#define BAYESPFL_MODEL_TRAINING_OPTIMISER_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "model/libtorch.h"
#include "model/network/weights.h"
#include "model/training/parameter_groups.h"

namespace bayespfl {

// The defaults are those of the paper's two stages.
struct AdamOptions {
  double beta1 = 0.5;
  double beta2 = 0.999;
};

// Epsilon is 1e-8. A parameter has moments and counts its steps from its first gradient on. Not thread-safe.
class Optimiser {
 public:
  explicit Optimiser(const AdamOptions& options = {}) : options_(options) {}

  // By Adam: m <- beta1 m + (1 - beta1) g; v <- beta2 v + (1 - beta2) g^2;
  // parameter <- parameter - rate / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + 1e-8). A rate of 0 moves the
  // moments alone.
  void Step(const std::string& name, const torch::Tensor& parameter, const torch::Tensor& gradient, double rate);

  // Of every parameter of the groups that has a gradient; the others stay as they are. `factor`: of the groups' rates.
  // Groups with a weight decay shrink their parameters by rate times decay first. Matrices of Muon's groups move as
  // MuonStep() says.
  void StepAll(const std::vector<ParameterGroup>& groups, double factor, const TensorMap& gradients,
               const TensorMap& parameters);

  // As tensors: "<name>/first" and "<name>/second" like the parameter, "<name>/steps" int64 []; of Muon's
  // matrices "<name>/momentum". They share the moments.
  TensorMap State() const;
  // What State() gave, on the parameters' devices. DataLoss: the tensors are no such state of these parameters.
  absl::Status Restore(const TensorMap& state, const TensorMap& parameters);

  void Clear() {
    moments_.clear();
    momenta_.clear();
  }

 private:
  struct Moments {
    torch::Tensor first;
    torch::Tensor second;
    int64_t steps = 0;
  };

  AdamOptions options_;
  std::map<std::string, Moments> moments_;
  TensorMap momenta_;  // of Muon's matrices
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_OPTIMISER_H_
