#include "model/network/block_linear.h"

#include <cstdint>
#include <optional>
#include <utility>

#include "ATen/core/dispatch/Dispatcher.h"

namespace bayespfl {
namespace {

using Scalars = c10::List<std::optional<at::Scalar>>;
using PackWeight = at::Tensor(const at::Tensor&, std::optional<c10::SymInt>);
using LinearPointwise = at::Tensor(const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&,
                                   c10::string_view, Scalars, std::optional<c10::string_view>);

// The order that oneDNN wants hangs on how many rows there will be; any number of them works with any order.
constexpr int64_t kUsualRows = 1024;

// LibTorch has no C++ header for these operators; they are called by name, as torch.compile() does.
at::Tensor Pack(const at::Tensor& weight) {
  static const auto pack =
      c10::Dispatcher::singleton().findSchemaOrThrow("mkldnn::_reorder_linear_weight", "").typed<PackWeight>();
  return pack.call(weight, c10::SymInt(kUsualRows));
}

at::Tensor Apply(const at::Tensor& x, const Linear& packed, c10::string_view function, c10::string_view algorithm) {
  static const auto linear =
      c10::Dispatcher::singleton().findSchemaOrThrow("mkldnn::_linear_pointwise", "").typed<LinearPointwise>();
  return linear.call(x, packed.weight, packed.bias, function, Scalars(), algorithm);
}

}  // namespace

BlockLinear::BlockLinear(Linear linear, LinearForm form) : form_(form), linear_(std::move(linear)) {
  if (form_ == LinearForm::kOneDnn) linear_.weight = Pack(linear_.weight);
}

torch::Tensor BlockLinear::operator()(const torch::Tensor& x) const {
  return form_ == LinearForm::kOneDnn ? Apply(x, linear_, "none", "") : linear_(x);
}

torch::Tensor BlockLinear::Gelu(const torch::Tensor& x) const {
  return form_ == LinearForm::kOneDnn ? Apply(x, linear_, "gelu", "none") : torch::gelu(linear_(x), "none");
}

}  // namespace bayespfl
