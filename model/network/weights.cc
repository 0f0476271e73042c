#include "model/network/weights.h"

#include <cstring>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "model/network/page_memory.h"

namespace bayespfl {
namespace {

std::optional<torch::ScalarType> FloatType(DType dtype) {
  switch (dtype) {
    case DType::kF64:
      return torch::kFloat64;
    case DType::kF32:
      return torch::kFloat32;
    case DType::kF16:
      return torch::kFloat16;
    case DType::kBF16:
      return torch::kBFloat16;
    default:
      return std::nullopt;
  }
}

}  // namespace

torch::Tensor WeightReader::Take(const std::string& name, const std::vector<int64_t>& shape) {
  return source_ != nullptr ? TakeFromSource(name, shape) : TakeFromMap(name, shape);
}

torch::Tensor WeightReader::TakeFromMap(const std::string& name, const std::vector<int64_t>& shape) {
  const auto found = tensors_->find(name);
  if (found == tensors_->end()) {
    Fail(name, "is missing");
    return {};
  }
  if (found->second.sizes() != shape) {
    FailShape(name, found->second.sizes(), shape);
    return {};
  }
  return found->second;
}

torch::Tensor WeightReader::TakeFromSource(const std::string& name, const std::vector<int64_t>& shape) {
  const TensorView* const found = source_->Find(name);
  if (found == nullptr) {
    Fail(name, "is missing");
    return {};
  }
  const TensorView& view = *found;
  if (view.shape != shape) {
    FailShape(name, view.shape, shape);
    return {};
  }
  const std::optional<torch::ScalarType> type = FloatType(view.dtype);
  if (!type) {
    Fail(name, absl::StrCat("has dtype ", DTypeName(view.dtype), "; weights are F16, BF16, F32 or F64"));
    return {};
  }
  // Copied out of the source: a mapped tensor may be unaligned, and a file that shrinks later must not crash a server.
  const torch::Tensor tensor = EmptyWeight(shape, *type);
  if (!view.data.empty()) std::memcpy(tensor.mutable_data_ptr(), view.data.data(), view.data.size());
  source_->Forget(view);
  return ConvertWeight(tensor, torch::kFloat32).to(device_);
}

torch::Tensor WeightReader::TakeHalf(const std::string& name, const std::vector<int64_t>& shape) {
  const torch::Tensor tensor = Take(name, shape);
  if (!tensor.defined()) return tensor;
  if (tensor.requires_grad()) {
    // The value is the rounded one (the difference is exact), the gradient passes as if nothing had been rounded:
    // through the conversion itself it would be rounded to half precision too, where small ones vanish.
    const torch::NoGradGuard no_grad;
    const torch::Tensor change = tensor.to(torch::kFloat16).to(torch::kFloat32) - tensor;
    const torch::AutoGradMode grad(true);
    return tensor + change;
  }
  return ConvertWeight(ConvertWeight(tensor, torch::kFloat16), torch::kFloat32);
}

Linear WeightReader::TakeLinear(const std::string& prefix, int64_t in, int64_t out) {
  return {Take(prefix + ".weight", {out, in}), Take(prefix + ".bias", {out})};
}

Linear WeightReader::TakeHalfLinear(const std::string& prefix, int64_t in, int64_t out) {
  return {TakeHalf(prefix + ".weight", {out, in}), TakeHalf(prefix + ".bias", {out})};
}

LayerNorm WeightReader::TakeLayerNorm(const std::string& prefix, int64_t width) {
  return {Take(prefix + ".weight", {width}), Take(prefix + ".bias", {width})};
}

void WeightReader::FailShape(const std::string& name, torch::IntArrayRef found, const std::vector<int64_t>& shape) {
  Fail(name, absl::StrCat("has shape [", absl::StrJoin(found, ", "), "]; the configuration asks for [",
                          absl::StrJoin(shape, ", "), "]"));
}

void WeightReader::Fail(const std::string& name, absl::string_view what) {
  if (status_.ok()) status_ = absl::DataLossError(absl::StrCat(name_, ": tensor \"", name, "\" ", what));
}

}  // namespace bayespfl
