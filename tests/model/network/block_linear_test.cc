// On the CPU alone: what is tried are the forms that only it has, and the products of 16 bits that are an
// accelerator's.

#include "model/network/block_linear.h"

#include <ATen/record_function.h>

#include <memory>
#include <ostream>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "model/network/operand_type.h"

namespace bayespfl {
namespace {

struct Form {
  LinearForm linear = LinearForm::kTorch;
  Precision precision = Precision::kFp32;
};

std::string NameOf(const Form& form) {
  return absl::StrCat(LinearFormName(form.linear), "_", PrecisionName(form.precision));
}

void PrintTo(const Form& form, std::ostream* out) { *out << NameOf(form); }

std::vector<Form> FormsHere() {
  std::vector<Form> forms;
  for (const LinearForm linear : {LinearForm::kTorch, LinearForm::kOneDnn, LinearForm::kOwn, LinearForm::kNarrow}) {
    for (const Precision precision : kPrecisions) {
      if (CheckPrecision({.linear = linear}, precision).ok()) forms.push_back({linear, precision});
    }
  }
  return forms;
}

// 256 numbers equally far apart from each row's lowest to its highest.
torch::Tensor Int8Rows(const torch::Tensor& x) {
  const torch::Tensor lowest = std::get<0>(x.min(-1, /*keepdim=*/true));
  const torch::Tensor step = (std::get<0>(x.max(-1, /*keepdim=*/true)) - lowest) / 255;
  return torch::where(step > 0, ((x - lowest) / step).round(), torch::zeros_like(x)) * step + lowest;
}

torch::Tensor Int8Weight(const torch::Tensor& weight) {
  const torch::Tensor scale = std::get<0>(weight.abs().max(1, /*keepdim=*/true)) / 127;
  return torch::where(scale > 0, (weight / scale).round(), torch::zeros_like(weight)) * scale;
}

// What the form should make of x, in double precision: only the factors are rounded, and kNarrow's bias.
torch::Tensor Expected(const torch::Tensor& x, const Linear& linear, const Form& form) {
  const Precision precision = form.precision;
  const auto exact = [&](const torch::Tensor& values) {
    const bool is_int8 = precision == Precision::kInt8;
    return (is_int8 ? values : values.to(OperandType(precision))).to(torch::kFloat64);
  };
  torch::Tensor factors = exact(x);
  torch::Tensor weight = exact(linear.weight);
  if (precision == Precision::kInt8) {
    factors = Int8Rows(factors);
    weight = Int8Weight(weight);
  }
  const bool is_narrow = form.linear == LinearForm::kNarrow;
  return torch::linear(factors, weight, is_narrow ? exact(linear.bias) : linear.bias.to(torch::kFloat64));
}

// How far a number may be from the one that it was rounded from, of its size.
double RoundingOf(torch::ScalarType type) {
  if (type == torch::kBFloat16) return 1.0 / 256;
  return type == torch::kFloat16 ? 1.0 / 2048 : 3e-6;
}

// `roundings`: how often a result of 16 bits was rounded.
void ExpectNear(const torch::Tensor& result, const torch::Tensor& expected, const Form& form, int roundings = 1) {
  ASSERT_EQ(result.sizes(), expected.sizes());
  const torch::Tensor errors = (result.to(torch::kFloat64) - expected).abs() / expected.abs().clamp_min(1);
  const double rounding = roundings * RoundingOf(result.scalar_type());
  const bool is_rounded = result.scalar_type() != torch::kFloat32;
  // A number half-way between two of 8 bits may go either way: few do.
  const double one_step = form.precision == Precision::kInt8 ? 2e-2 : 0;
  EXPECT_LE(errors.max().item<double>(), one_step + rounding);
  EXPECT_LE(errors.square().mean().sqrt().item<double>(), one_step / 20 + (is_rounded ? rounding / 2 : rounding));
}

class BlockLinearTest : public ::testing::TestWithParam<Form> {
 protected:
  void SetUp() override { torch::manual_seed(7); }

  static Linear RandomLinear(int64_t in, int64_t out) { return {torch::randn({out, in}) / 8, torch::randn({out})}; }
  static BlockLinear Make(const Linear& linear) { return {linear, GetParam().linear, GetParam().precision}; }
};

TEST_P(BlockLinearTest, IsTheProductOfWhatItsPrecisionLeavesOfTheFactors) {
  const c10::InferenceMode inference;
  for (const int64_t rows : {1, 2, 17, 65}) {
    // The last: not as our own kernel wants it.
    for (const auto& [in, out] : {std::pair<int64_t, int64_t>(4, 1), {64, 128}, {132, 33}, {129, 33}}) {
      const Linear linear = RandomLinear(in, out);
      const torch::Tensor x = torch::randn({2, rows, in});
      SCOPED_TRACE(absl::StrCat(rows, " x ", in, " x ", out));
      ExpectNear(Make(linear)(x), Expected(x, linear, GetParam()), GetParam());
    }
  }
}

TEST_P(BlockLinearTest, GeluIsTheExactOneOfTheSums) {
  const c10::InferenceMode inference;
  const Linear linear = RandomLinear(96, 64);
  const torch::Tensor x = torch::randn({40, 96});
  const torch::Tensor expected = torch::gelu(Expected(x, linear, GetParam()), "none");
  ExpectNear(Make(linear).Gelu(x), expected, GetParam(), GetParam().linear == LinearForm::kNarrow ? 2 : 1);
}

// The residual stream: a small result must not be lost beside a large addend, as bfloat16 would lose it.
TEST_P(BlockLinearTest, WhatItIsAddedToStaysFp32) {
  const c10::InferenceMode inference;
  const Linear linear = RandomLinear(64, 48);
  const torch::Tensor x = torch::randn({21, 64});
  const torch::Tensor addend = 300 * torch::randn({21, 48});
  const torch::Tensor result = Make(linear).AddedTo(addend, x);
  EXPECT_EQ(result.scalar_type(), torch::kFloat32);
  const torch::Tensor expected = addend.to(torch::kFloat64) + Expected(x, linear, GetParam());
  // oneDNN and products of 16 bits round their result before it is added.
  const double tolerance = GetParam().precision == Precision::kFp32 ? 1e-4 : 2e-2;
  EXPECT_LE((result.to(torch::kFloat64) - expected).abs().max().item<double>(), tolerance);
}

// A thousand products of 1 x 2^-9 and a first of 1 x 1: summed in bfloat16 the small ones would be lost.
TEST_P(BlockLinearTest, SumsAreNotRoundedOnTheWay) {
  if (GetParam().precision == Precision::kInt8) GTEST_SKIP() << "8 bits do not hold such weights";
  const c10::InferenceMode inference;
  torch::Tensor weight = torch::full({1, 1028}, 1.0F / 512);
  weight[0][0] = 1;
  weight.slice(1, 1025).zero_();
  const torch::Tensor result = Make({weight, torch::zeros({1})})(torch::ones({1, 1028}));
  EXPECT_EQ(result.item<float>(), 3);
}

TEST_P(BlockLinearTest, ARowDoesNotDependOnTheOthers) {
  const c10::InferenceMode inference;
  const Linear linear = RandomLinear(64, 48);
  const BlockLinear map = Make(linear);
  torch::Tensor x = torch::randn({33, 64});
  const torch::Tensor before = map(x)[0].clone();
  x.slice(0, 1).mul_(1000);
  EXPECT_TRUE(torch::equal(map(x)[0], before));
}

TEST_P(BlockLinearTest, EqualNumbersAndZerosAreTakenAsTheyAre) {
  const c10::InferenceMode inference;
  Linear linear = RandomLinear(64, 48);
  linear.weight[3].zero_();
  for (const float value : {0.0F, -2.5F}) {
    const torch::Tensor x = torch::full({2, 64}, value);
    ExpectNear(Make(linear)(x), Expected(x, linear, GetParam()), GetParam());
  }
}

TEST_P(BlockLinearTest, WhatAnotherMapGaveIsTakenAsItIs) {
  const c10::InferenceMode inference;
  const Linear linear = RandomLinear(64, 64);
  const BlockLinear map = Make(linear);
  const torch::Tensor between = map(torch::randn({9, 64}));
  const torch::Tensor expected = Expected(between.to(torch::kFloat32), linear, GetParam());
  ExpectNear(map(between), expected, GetParam());
}

INSTANTIATE_TEST_SUITE_P(OfThisProcessor, BlockLinearTest, ::testing::ValuesIn(FormsHere()),
                         [](const auto& form) { return NameOf(form.param); });

// --- products of 16 bits ---

std::vector<torch::ScalarType> operands;  // of the torch::linear calls of this thread

std::unique_ptr<at::ObserverContext> NoteOperands(const at::RecordFunction& call) {
  if (std::string(call.name()) != "aten::linear") return nullptr;
  for (const c10::IValue& input : call.inputs()) operands.push_back(input.toTensor().scalar_type());
  return nullptr;
}

class NarrowLinearTest : public ::testing::TestWithParam<Precision> {
 protected:
  void SetUp() override { torch::manual_seed(7); }

  static torch::ScalarType Type() { return OperandType(GetParam()); }

  const c10::InferenceMode inference_;
  const Linear linear_ = {torch::randn({48, 64}) / 8, torch::randn({48})};
  const BlockLinear map_ = {linear_, LinearForm::kNarrow, GetParam()};
  const torch::Tensor x_ = torch::randn({2, 33, 64});
};

TEST_P(NarrowLinearTest, LibTorchGetsNumbersOfSixteenBitsAndTheirProductsAreRead) {
  operands.clear();
  const at::CallbackHandle handle =
      at::addThreadLocalCallback(at::RecordFunctionCallback(NoteOperands).needsInputs(true));
  const torch::Tensor result = map_(x_);
  const torch::Tensor activated = map_.Gelu(x_);
  const torch::Tensor stream = map_.AddedTo(torch::zeros({2, 33, 48}), x_);
  at::removeCallback(handle);
  EXPECT_EQ(operands, std::vector<torch::ScalarType>(9, Type()));  // input, weight, bias
  EXPECT_EQ(result.scalar_type(), Type());
  EXPECT_EQ(activated.scalar_type(), Type());
  EXPECT_EQ(stream.scalar_type(), torch::kFloat32);
}

// The same rounded factors, multiplied as floats: the bias and the result are all that is rounded besides.
TEST_P(NarrowLinearTest, DiffersFromRoundedFloatsByTheRoundingOfBiasAndResult) {
  const torch::Tensor floats = BlockLinear(linear_, LinearForm::kTorch, GetParam())(x_);
  const torch::Tensor bound = (linear_.bias.abs() + floats.abs()) * (1.01 * RoundingOf(Type())) + 1e-5;
  EXPECT_TRUE(((map_(x_).to(torch::kFloat32) - floats).abs() <= bound).all().item<bool>());
}

INSTANTIATE_TEST_SUITE_P(OfBothTypes, NarrowLinearTest, ::testing::Values(Precision::kBf16, Precision::kFp16),
                         [](const auto& precision) { return std::string(PrecisionName(precision.param)); });

}  // namespace
}  // namespace bayespfl
