// On the CPU alone: what is tried are the forms that only it has.

#include "model/network/block_linear.h"

#include <ostream>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

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
  for (const LinearForm linear : {LinearForm::kTorch, LinearForm::kOneDnn, LinearForm::kOwn}) {
    for (const Precision precision : {Precision::kFp32, Precision::kBf16, Precision::kInt8}) {
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

// What the form should make of x, in double precision: only the factors are rounded.
torch::Tensor Expected(const torch::Tensor& x, const Linear& linear, Precision precision) {
  const auto exact = [&](const torch::Tensor& values) {
    return (precision == Precision::kBf16 ? values.to(torch::kBFloat16) : values).to(torch::kFloat64);
  };
  torch::Tensor factors = exact(x);
  torch::Tensor weight = exact(linear.weight);
  if (precision == Precision::kInt8) {
    factors = Int8Rows(factors);
    weight = Int8Weight(weight);
  }
  return torch::linear(factors, weight, linear.bias.to(torch::kFloat64));
}

void ExpectNear(const torch::Tensor& result, const torch::Tensor& expected, Precision precision) {
  ASSERT_EQ(result.sizes(), expected.sizes());
  const torch::Tensor errors = (result.to(torch::kFloat64) - expected).abs() / expected.abs().clamp_min(1);
  const bool is_rounded = result.scalar_type() == torch::kBFloat16;
  // A number half-way between two of 8 bits may go either way: few do.
  const double one_step = precision == Precision::kInt8 ? 2e-2 : 0;
  EXPECT_LE(errors.max().item<double>(), one_step + (is_rounded ? 1.0 / 256 : 3e-6));
  EXPECT_LE(errors.square().mean().sqrt().item<double>(), one_step / 20 + (is_rounded ? 1.0 / 512 : 3e-6));
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
      ExpectNear(Make(linear)(x), Expected(x, linear, GetParam().precision), GetParam().precision);
    }
  }
}

TEST_P(BlockLinearTest, GeluIsTheExactOneOfTheSums) {
  const c10::InferenceMode inference;
  const Linear linear = RandomLinear(96, 64);
  const torch::Tensor x = torch::randn({40, 96});
  const torch::Tensor expected = torch::gelu(Expected(x, linear, GetParam().precision), "none");
  ExpectNear(Make(linear).Gelu(x), expected, GetParam().precision);
}

// The residual stream: a small result must not be lost beside a large addend, as bfloat16 would lose it.
TEST_P(BlockLinearTest, WhatItIsAddedToStaysFp32) {
  const c10::InferenceMode inference;
  const Linear linear = RandomLinear(64, 48);
  const torch::Tensor x = torch::randn({21, 64});
  const torch::Tensor addend = 300 * torch::randn({21, 48});
  const torch::Tensor result = Make(linear).AddedTo(addend, x);
  EXPECT_EQ(result.scalar_type(), torch::kFloat32);
  const torch::Tensor expected = addend.to(torch::kFloat64) + Expected(x, linear, GetParam().precision);
  // oneDNN rounds its result before it is added.
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
    ExpectNear(Make(linear)(x), Expected(x, linear, GetParam().precision), GetParam().precision);
  }
}

TEST_P(BlockLinearTest, WhatAnotherMapGaveIsTakenAsItIs) {
  const c10::InferenceMode inference;
  const Linear linear = RandomLinear(64, 64);
  const BlockLinear map = Make(linear);
  const torch::Tensor between = map(torch::randn({9, 64}));
  const torch::Tensor expected = Expected(between.to(torch::kFloat32), linear, GetParam().precision);
  ExpectNear(map(between), expected, GetParam().precision);
}

INSTANTIATE_TEST_SUITE_P(OfThisProcessor, BlockLinearTest, ::testing::ValuesIn(FormsHere()),
                         [](const auto& form) { return NameOf(form.param); });

}  // namespace
}  // namespace bayespfl
