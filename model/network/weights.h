// Takes tensors out of a source by name, checked against the shape that the configuration asks for.
//
// A part of the network is a function of the tensors that its Load() reads. Read from a file they are its constants;
// read from tensors that want a gradient, outside InferenceMode, whatever the part computes can be differentiated, what
// it evaluates while it is loaded included. So a training step loads its parts anew, and there is one formula for both.
#ifndef BAYESPFL_MODEL_NETWORK_WEIGHTS_H_
#define BAYESPFL_MODEL_NETWORK_WEIGHTS_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "model/libtorch.h"
#include "model/package/tensor_source.h"

namespace bayespfl {

// A weight matrix [out, in] and its bias [out]; the bias is undefined where the layer has none.
struct Linear {
  torch::Tensor weight;
  torch::Tensor bias;

  // x [..., in] -> [..., out]
  torch::Tensor operator()(const torch::Tensor& x) const { return torch::linear(x, weight, bias); }
};

// Weight and bias of a layer normalisation over the last axis, eps 1e-5.
struct LayerNorm {
  torch::Tensor weight;
  torch::Tensor bias;

  torch::Tensor operator()(const torch::Tensor& x) const {
    return torch::layer_norm(x, weight.sizes(), weight, bias, 1e-5);
  }
};

// Tensors that somebody else owns, by name.
using TensorMap = std::map<std::string, torch::Tensor>;

// Reads fp32 tensors onto a device. The first thing that is wrong is kept in status(); later reads give empty tensors,
// so that a model reads all its weights and asks once. Not thread-safe.
class WeightReader {
 public:
  // Borrows the source.
  WeightReader(const TensorSource& source, torch::Device device)
      : source_(&source), name_(source.name()), device_(device) {}
  // Hands out the tensors themselves, which must be fp32 and on one device, instead of copies; error messages call them
  // `name`. Borrows the map.
  WeightReader(const TensorMap& tensors, std::string name)
      : tensors_(&tensors), name_(std::move(name)), device_(torch::kCPU) {}

  // DataLoss in status(): the tensor is missing, has another shape, or is not floating point; the message names it
  // and the source.
  torch::Tensor Take(const std::string& name, const std::vector<int64_t>& shape);
  // The same, after rounding to half precision and back: the reference loads CLIP's matrices that way. Gradients pass
  // as if nothing were rounded.
  torch::Tensor TakeHalf(const std::string& name, const std::vector<int64_t>& shape);

  Linear TakeLinear(const std::string& prefix, int64_t in, int64_t out);
  Linear TakeHalfLinear(const std::string& prefix, int64_t in, int64_t out);
  LayerNorm TakeLayerNorm(const std::string& prefix, int64_t width);

  const absl::Status& status() const { return status_; }

 private:
  // fp32 and on the device; undefined, and the reason in status(), when it is not to be had.
  torch::Tensor TakeFromSource(const std::string& name, const std::vector<int64_t>& shape);
  torch::Tensor TakeFromMap(const std::string& name, const std::vector<int64_t>& shape);
  void FailShape(const std::string& name, torch::IntArrayRef found, const std::vector<int64_t>& shape);
  void Fail(const std::string& name, absl::string_view what);

  const TensorSource* source_ = nullptr;  // one of the two
  const TensorMap* tensors_ = nullptr;
  std::string name_;
  torch::Device device_;
  absl::Status status_;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_NETWORK_WEIGHTS_H_
