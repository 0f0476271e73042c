#include "model/training/muon.h"

#include <cstdint>
#include <vector>

#include "gtest/gtest.h"
#include "model/training/optimiser.h"
#include "model/training/parameters.h"

namespace bayespfl {
namespace {

torch::Tensor Draw(torch::IntArrayRef shape, int64_t seed) {
  return torch::randn(shape, at::make_generator<at::CPUGeneratorImpl>(seed));
}

TEST(OrthogonalisedTest, KeepsDirectionsAndMakesTheirSizesAlike) {
  for (const auto& shape : {std::vector<int64_t>{24, 24}, {12, 40}, {40, 12}}) {
    const torch::Tensor matrix = Draw(shape, 1) * torch::linspace(0.1, 3, shape[1]);
    const torch::Tensor result = Orthogonalised(matrix);
    ASSERT_EQ(result.sizes(), matrix.sizes());
    const auto [u, s, v] = torch::svd(matrix);
    const torch::Tensor inner = torch::matmul(torch::matmul(u.t(), result), v);
    const torch::Tensor sizes = inner.diagonal();
    // Singular values below a hundredth of the norm may stay smaller.
    const torch::Tensor large = sizes.masked_select(s > 0.05 * s.square().sum().sqrt());
    EXPECT_GT(large.min().item<float>(), 0.6);
    EXPECT_LT(sizes.max().item<float>(), 1.3);
    EXPECT_LT((inner - torch::diag(sizes)).abs().max().item<float>(), 1e-3);
  }
}

TEST(OrthogonalisedTest, AMatrixOfZerosStaysOne) {
  EXPECT_FALSE(Orthogonalised(torch::zeros({3, 5})).any().item<bool>());
}

TEST(MuonStepTest, MovesAgainstTheGradientByAdamsUsualSize) {
  const torch::Tensor parameter = torch::zeros({32, 32});
  const torch::Tensor gradient = Draw({32, 32}, 2) * 1e-4;
  const torch::Tensor momentum = torch::zeros({32, 32});
  MuonStep(parameter, gradient, momentum, /*rate=*/0.5, /*blocks=*/1);
  EXPECT_LT((parameter * gradient).sum().item<float>(), 0);
  EXPECT_NEAR(parameter.square().mean().sqrt().item<float>(), 0.5 * 0.2, 0.02);
  EXPECT_TRUE(torch::allclose(momentum, gradient * (1 - kMuonMomentum)));
}

TEST(MuonStepTest, AMatrixOfThreeProductsMovesAsThree) {
  const torch::Tensor gradient = torch::cat({Draw({8, 8}, 3), Draw({8, 8}, 4) * 100, Draw({8, 8}, 5) * 0.01});
  const torch::Tensor together = torch::zeros({24, 8});
  MuonStep(together, gradient, torch::zeros({24, 8}), 0.1, /*blocks=*/3);
  for (int64_t i = 0; i < 3; ++i) {
    const torch::Tensor alone = torch::zeros({8, 8});
    MuonStep(alone, gradient.slice(0, 8 * i, 8 * i + 8), torch::zeros({8, 8}), 0.1, /*blocks=*/1);
    EXPECT_TRUE(torch::allclose(together.slice(0, 8 * i, 8 * i + 8), alone, 1e-4, 1e-6)) << i;
  }
}

TEST(AdamTest, MuonsMatricesMoveByMuonAndGoOnToTheBit) {
  const std::vector<ParameterGroup> groups = {
      {.names = {"a.in_proj_weight"}, .learning_rate = 0.1, .weight_decay = 0.5, .muon = true},
      {.names = {"b"}, .learning_rate = 0.1}};
  const torch::Tensor start = Draw({12, 4}, 6);
  const TensorMap ours = {{"a.in_proj_weight", start.clone()}, {"b", torch::zeros({2})}};
  const auto gradients = [](int64_t seed) -> TensorMap {
    return {{"a.in_proj_weight", Draw({12, 4}, seed)}, {"b", Draw({2}, seed)}};
  };
  Optimiser optimiser;
  optimiser.StepAll(groups, 0.5, gradients(7), ours);

  const torch::Tensor expected = start * (1 - 0.05 * 0.5);
  MuonStep(expected, Draw({12, 4}, 7), torch::zeros({12, 4}), 0.05, /*blocks=*/3);
  EXPECT_TRUE(torch::allclose(ours.at("a.in_proj_weight"), expected, 1e-5, 1e-6));

  const TensorMap theirs = CopyOf(ours);
  Optimiser restored;
  ASSERT_TRUE(restored.Restore(CopyOf(optimiser.State()), theirs).ok());
  optimiser.StepAll(groups, 0.5, gradients(8), ours);
  restored.StepAll(groups, 0.5, gradients(8), theirs);
  for (const auto& [name, tensor] : ours) EXPECT_TRUE(torch::equal(tensor, theirs.at(name))) << name;
  optimiser.Clear();
  EXPECT_TRUE(optimiser.State().empty());
}

}  // namespace
}  // namespace bayespfl
