#include "model/network/block_linear.h"

#include <cstdint>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "ATen/core/dispatch/Dispatcher.h"
#include "model/kernels/linear.h"
#include "model/network/operand_type.h"
#include "model/network/parallel_tasks.h"

namespace bayespfl {
namespace {

// --- oneDNN ---

using Scalars = c10::List<std::optional<at::Scalar>>;
using PackWeight = at::Tensor(const at::Tensor&, std::optional<c10::SymInt>);
using LinearPointwise = at::Tensor(const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&,
                                   c10::string_view, Scalars, std::optional<c10::string_view>);

// The order that oneDNN wants hangs on how many rows there will be; any number of them works with any order.
constexpr int64_t kUsualRows = 1024;

// LibTorch has no C++ header for these operators; they are called by name, as torch.compile() does.
at::Tensor PackForOneDnn(const at::Tensor& weight) {
  static const auto pack =
      c10::Dispatcher::singleton().findSchemaOrThrow("mkldnn::_reorder_linear_weight", "").typed<PackWeight>();
  return pack.call(weight, c10::SymInt(kUsualRows));
}

at::Tensor Apply(const at::Tensor& x, const Linear& packed, c10::string_view function, c10::string_view algorithm) {
  static const auto linear =
      c10::Dispatcher::singleton().findSchemaOrThrow("mkldnn::_linear_pointwise", "").typed<LinearPointwise>();
  return linear.call(x, packed.weight, packed.bias, function, Scalars(), algorithm);
}

// --- rounding ---

torch::Tensor Rounded(const torch::Tensor& x, torch::ScalarType type) { return x.to(type).to(torch::kFloat32); }

// Each row to its own 256 numbers, equally far apart from its lowest to its highest.
torch::Tensor RowsRoundedToInt8(const torch::Tensor& x) {
  const torch::Tensor wide = x.to(torch::kFloat32);
  const torch::Tensor lowest = wide.amin(-1, /*keepdim=*/true);
  const torch::Tensor steps = (wide.amax(-1, /*keepdim=*/true) - lowest) / 255;
  const torch::Tensor divisors = steps.clamp_min(std::numeric_limits<float>::min());  // of equal numbers all are lowest
  return ((wide - lowest) / divisors).round() * steps + lowest;
}

// Each output's weights to multiples of its own scale.
torch::Tensor WeightRoundedToInt8(const torch::Tensor& weight) {
  const torch::Tensor scales = weight.abs().amax(1, /*keepdim=*/true) / 127;
  return (weight / scales.clamp_min(std::numeric_limits<float>::min())).round() * scales;
}

torch::Tensor RoundedWeight(const torch::Tensor& weight, Precision precision) {
  switch (precision) {
    case Precision::kFp32:
      break;
    case Precision::kBf16:
    case Precision::kFp16:
      return Rounded(weight, OperandType(precision));
    case Precision::kInt8:
      return WeightRoundedToInt8(weight);
  }
  return weight;
}

// --- our own ---

constexpr InstructionSet kOwnInstructions = InstructionSet::kAvx512Bf16;

// Rows in 8 bits, and what keeps them.
struct QuantisedInput {
  torch::Tensor values;
  torch::Tensor steps_and_lowest;  // [2, rows]
  Int8Rows rows = {};
};

QuantisedInput Quantised(const torch::Tensor& x, int64_t in) {
  constexpr int64_t kRowsOfATask = 32;
  const int64_t rows = x.numel() / in;
  QuantisedInput input = {.values = torch::empty({rows, in}, torch::kUInt8),
                          .steps_and_lowest = torch::empty({2, rows}, torch::kFloat32)};
  auto* const steps = input.steps_and_lowest.mutable_data_ptr<float>();
  input.rows = {.values = input.values.mutable_data_ptr<uint8_t>(), .steps = steps, .lowest = steps + rows};
  const bool is_bf16 = x.scalar_type() == torch::kBFloat16;
  const torch::Tensor from = (is_bf16 ? x : x.to(torch::kFloat32)).contiguous();
  RunRows(rows, kRowsOfATask, [&](int64_t begin, int64_t end) {
    if (is_bf16) {
      const auto* const data = static_cast<const Bf16*>(from.const_data_ptr());
      QuantiseRows(kOwnInstructions, data, in, input.rows, begin, end);
    } else {
      QuantiseRows(kOwnInstructions, from.const_data_ptr<float>(), in, input.rows, begin, end);
    }
  });
  return input;
}

}  // namespace

BlockLinear::BlockLinear(Linear linear, LinearForm form, Precision precision)
    : form_(form), precision_(precision), linear_(std::move(linear)) {
  out_ = linear_.weight.size(0);
  in_ = linear_.weight.size(1);
  if (form_ == LinearForm::kOwn && in_ % kLinearInputs != 0) form_ = LinearForm::kTorch;
  switch (form_) {
    case LinearForm::kTorch:
      linear_.weight = RoundedWeight(linear_.weight, precision);
      break;
    case LinearForm::kOneDnn:
      linear_.weight = PackForOneDnn(precision == Precision::kFp32 ? linear_.weight : Operand(linear_.weight));
      break;
    case LinearForm::kOwn:
      Pack();
      break;
    case LinearForm::kNarrow:
      linear_ = {linear_.weight.to(OperandType(precision)), linear_.bias.to(OperandType(precision))};
      break;
  }
}

void BlockLinear::Pack() {
  static_assert(sizeof(Bf16) == sizeof(at::BFloat16));
  const torch::Tensor weight = linear_.weight.contiguous();
  const auto* const from = weight.const_data_ptr<float>();
  const int64_t padded = PaddedOutputs(out_);
  linear_.bias = torch::constant_pad_nd(linear_.bias, {0, padded - out_});
  if (precision_ == Precision::kInt8) {
    linear_.weight = torch::empty({padded, in_}, torch::kInt8);
    scales_ = torch::empty({padded}, torch::kFloat32);
    sums_ = torch::empty({padded}, torch::kFloat32);
    auto* const to = linear_.weight.mutable_data_ptr<int8_t>();
    auto* const scales = scales_.mutable_data_ptr<float>();
    auto* const sums = sums_.mutable_data_ptr<float>();
    RunRows(padded, kLinearColumns,
            [&](int64_t begin, int64_t end) { PackInt8(from, in_, out_, to, scales, sums, begin, end); });
  } else {
    linear_.weight = torch::empty({padded, in_}, torch::kBFloat16);
    auto* const to = static_cast<Bf16*>(linear_.weight.mutable_data_ptr());
    RunRows(padded, kLinearColumns, [&](int64_t begin, int64_t end) { PackBf16(from, in_, out_, to, begin, end); });
  }
}

torch::Tensor BlockLinear::operator()(const torch::Tensor& x) const {
  switch (form_) {
    case LinearForm::kTorch:
    case LinearForm::kNarrow:
      break;
    case LinearForm::kOneDnn:
      return Apply(Operand(x), linear_, "none", "");
    case LinearForm::kOwn:
      return Own(x, /*gelu=*/false, /*addend=*/{});
  }
  return linear_(Operand(x));
}

torch::Tensor BlockLinear::Gelu(const torch::Tensor& x) const {
  switch (form_) {
    case LinearForm::kTorch:
    case LinearForm::kNarrow:
      break;
    case LinearForm::kOneDnn:
      return Apply(Operand(x), linear_, "gelu", "none");
    case LinearForm::kOwn:
      return Own(x, /*gelu=*/true, /*addend=*/{});
  }
  return torch::gelu(linear_(Operand(x)), "none");
}

torch::Tensor BlockLinear::AddedTo(const torch::Tensor& addend, const torch::Tensor& x) const {
  return form_ == LinearForm::kOwn ? Own(x, /*gelu=*/false, addend) : addend + (*this)(x);
}

torch::Tensor BlockLinear::Operand(const torch::Tensor& x) const {
  if (precision_ == Precision::kFp32) return x;
  if (form_ == LinearForm::kOneDnn || form_ == LinearForm::kNarrow) return x.to(OperandType(precision_));
  // The product of two rounded numbers is a float, so that a BLAS for floats multiplies them without another error.
  return precision_ == Precision::kInt8 ? RowsRoundedToInt8(x) : Rounded(x, OperandType(precision_));
}

torch::Tensor BlockLinear::Own(const torch::Tensor& x, bool gelu, const torch::Tensor& addend) const {
  std::vector<int64_t> shape = x.sizes().vec();
  shape.back() = out_;
  const torch::Tensor sums = addend.defined() ? addend.contiguous() : addend;
  torch::Tensor result = torch::empty(shape, sums.defined() ? torch::kFloat32 : torch::kBFloat16);
  const bool is_int8 = precision_ == Precision::kInt8;
  const QuantisedInput quantised = is_int8 ? Quantised(x, in_) : QuantisedInput();
  const torch::Tensor narrow = is_int8 ? x : x.to(torch::kBFloat16).contiguous();
  LinearTask task = {.weights = {.in = in_,
                                 .out = out_,
                                 .values = linear_.weight.const_data_ptr(),
                                 .scales = is_int8 ? scales_.const_data_ptr<float>() : nullptr,
                                 .sums = is_int8 ? sums_.const_data_ptr<float>() : nullptr,
                                 .bias = linear_.bias.const_data_ptr<float>()},
                     .rows = x.numel() / in_,
                     .x = is_int8 ? nullptr : static_cast<const Bf16*>(narrow.const_data_ptr()),
                     .int8_x = quantised.rows,
                     .gelu = gelu};
  if (sums.defined()) {
    task.addend = sums.const_data_ptr<float>();
    task.out = result.mutable_data_ptr<float>();
  } else {
    task.bf16_out = static_cast<Bf16*>(result.mutable_data_ptr());
  }
  task.splits = SplitsFor(task.tasks(), task.rows);
  ShareTasks(task.tasks(), [&](TaskQueue& tasks) { ApplyLinear(kOwnInstructions, task, tasks); });
  return result;
}

}  // namespace bayespfl
