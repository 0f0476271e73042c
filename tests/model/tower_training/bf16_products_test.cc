#include "model/tower_training/bf16_products.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <tuple>

namespace bayespfl {
namespace {

using ::testing::HasSubstr;

struct Products {
  torch::Tensor linear;    // of a layer
  torch::Tensor gradient;  // of its weights
  torch::Tensor batched;
};

Products Multiply() {
  const auto filled = [](torch::IntArrayRef shape, uint64_t seed) {
    return torch::randn(shape, at::make_generator<at::CPUGeneratorImpl>(seed));
  };
  const torch::Tensor weight = filled({96, 192}, 1).requires_grad_();
  const torch::Tensor linear = torch::linear(filled({2, 101, 192}, 2), weight, filled({96}, 3));
  const torch::Tensor gradient = torch::autograd::grad({linear.square().sum()}, {weight})[0];
  return {.linear = linear.detach(),
          .gradient = gradient,
          .batched = torch::matmul(filled({6, 101, 64}, 4), filled({6, 64, 101}, 5))};
}

// In the deviations of the exact values.
double Difference(const torch::Tensor& exact, const torch::Tensor& found) {
  return ((exact - found).square().mean().sqrt() / exact.std()).item<double>();
}

bool IsAllowed() {
  return at::globalContext().float32Precision(at::Float32Backend::MKLDNN, at::Float32Op::MATMUL) ==
         at::Float32Precision::BF16;
}

TEST(Bf16ProductsTest, MayRoundFactorsWhileTheyAreAllowedAndNothingElse) {
  const Products exact = Multiply();
  constexpr double kMost = 2.0 / 256;  // half a unit of the last of 8 bits, of either factor, and the bias's
  {
    const auto allowed = Bf16Products::Allow(torch::kCPU);
    ASSERT_TRUE(allowed.ok()) << allowed.status();
    EXPECT_TRUE(IsAllowed());
    const Products rounded = Multiply();
    for (const auto& [name, of_exact, of_rounded] :
         {std::tuple("linear", exact.linear, rounded.linear), std::tuple("gradient", exact.gradient, rounded.gradient),
          std::tuple("batched", exact.batched, rounded.batched)}) {
      EXPECT_EQ(of_rounded.scalar_type(), torch::kFloat32);
      EXPECT_LT(Difference(of_exact, of_rounded), kMost) << name;
    }
  }
  EXPECT_FALSE(IsAllowed());
  const Products after = Multiply();
  EXPECT_TRUE(after.linear.equal(exact.linear));
  EXPECT_TRUE(after.gradient.equal(exact.gradient));
  EXPECT_TRUE(after.batched.equal(exact.batched));
}

TEST(Bf16ProductsTest, AreOfTheCpuAlone) {
  const auto on_a_gpu = Bf16Products::Allow(torch::Device(torch::kCUDA, 0));
  EXPECT_EQ(on_a_gpu.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(on_a_gpu.status().message()), HasSubstr("not on cuda:0"));
  EXPECT_FALSE(IsAllowed());
}

}  // namespace
}  // namespace bayespfl
