// Adam, its schedule and its parameters.

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/libtorch.h"
#include "model/training/learning_rate_schedule.h"
#include "model/training/optimiser.h"
#include "model/training/parameters.h"
#include "tests/model/training/tiny_training.h"
#include "tests/support/tiny_package.h"
#include "torch/optim.h"

namespace bayespfl {
namespace {

torch::Tensor Draw(int64_t seed) { return torch::randn({3, 2}, at::make_generator<at::CPUGeneratorImpl>(seed)); }

TEST(AdamTest, MovesAsLibTorchsOwn) {
  torch::Tensor ours = Draw(1);
  const torch::Tensor theirs = ours.clone().requires_grad_();
  torch::optim::Adam reference({theirs}, torch::optim::AdamOptions(0.01).betas({0.5, 0.999}).eps(1e-8));
  Optimiser optimiser;
  for (int64_t step = 0; step < 5; ++step) {
    theirs.mutable_grad() = Draw(10 + step);
    reference.step();
    optimiser.Step("x", ours, Draw(10 + step), 0.01);
  }
  EXPECT_TRUE(torch::allclose(ours, theirs, /*rtol=*/1e-6, /*atol=*/1e-7));
}

TEST(AdamTest, DecaysAsLibTorchsOwn) {
  torch::Tensor ours = Draw(1);
  const torch::Tensor theirs = ours.clone().requires_grad_();
  torch::optim::AdamW reference({theirs},
                                torch::optim::AdamWOptions(0.02).betas({0.9, 0.98}).eps(1e-8).weight_decay(0.1));
  Optimiser optimiser({.beta1 = 0.9, .beta2 = 0.98});
  for (int64_t step = 0; step < 5; ++step) {
    theirs.mutable_grad() = Draw(10 + step);
    reference.step();
    optimiser.StepAll({{.names = {"x"}, .learning_rate = 0.04, .weight_decay = 0.1}}, /*factor=*/0.5,
                      {{"x", Draw(10 + step)}}, {{"x", ours}});
  }
  EXPECT_TRUE(torch::allclose(ours, theirs, /*rtol=*/1e-6, /*atol=*/1e-7));
}

TEST(AdamTest, TheFirstStepIsTheLearningRateAgainstTheGradientsSign) {
  const torch::Tensor parameter = torch::zeros({2});
  Optimiser optimiser;
  optimiser.Step("x", parameter, torch::tensor({100.0F, -0.001F}), 0.25);
  EXPECT_TRUE(torch::allclose(parameter, torch::tensor({-0.25F, 0.25F}), 1e-4, 0));
}

TEST(AdamTest, ARateOfZeroMovesTheMomentsAlone) {
  const torch::Tensor parameter = Draw(1);
  const torch::Tensor before = parameter.clone();
  Optimiser optimiser;
  optimiser.Step("x", parameter, Draw(2), 0);
  EXPECT_TRUE(torch::equal(parameter, before));
  EXPECT_TRUE(torch::allclose(optimiser.State().at("x/first"), Draw(2) / 2));
}

TEST(AdamTest, ARestoredOneGoesOnToTheBit) {
  torch::Tensor ours = Draw(1);
  Optimiser optimiser;
  optimiser.Step("x", ours, Draw(2), 0.01);
  torch::Tensor theirs = ours.clone();
  Optimiser restored;
  ASSERT_TRUE(restored.Restore(CopyOf(optimiser.State()), {{"x", theirs}}).ok());
  optimiser.Step("x", ours, Draw(3), 0.01);
  restored.Step("x", theirs, Draw(3), 0.01);
  EXPECT_TRUE(torch::equal(ours, theirs));
}

TEST(AdamTest, RefusesAStateThatIsNotWhole) {
  const torch::Tensor parameter = Draw(1);
  Optimiser optimiser;
  optimiser.Step("x", parameter, Draw(2), 0.01);
  TensorMap state = optimiser.State();
  state.erase("x/second");
  EXPECT_EQ(Optimiser().Restore(state, {{"x", parameter}}).code(), absl::StatusCode::kDataLoss);
}

TEST(AdamTest, RefusesMomentsOfAParameterThatIsNotThere) {
  const torch::Tensor parameter = Draw(1);
  Optimiser optimiser;
  optimiser.Step("x", parameter, Draw(2), 0.01);
  EXPECT_EQ(Optimiser().Restore(optimiser.State(), {{"y", parameter}}).code(), absl::StatusCode::kDataLoss);
}

TEST(LearningRateScheduleTest, WarmsUpFromNothingAndFallsToNothing) {
  EXPECT_EQ(LearningRateFactor(0, 60), 0);
  EXPECT_DOUBLE_EQ(LearningRateFactor(3, 60), 0.5);
  EXPECT_DOUBLE_EQ(LearningRateFactor(6, 60), 1);
  EXPECT_DOUBLE_EQ(LearningRateFactor(33, 60), 0.5);
  EXPECT_NEAR(LearningRateFactor(60, 60), 0, 1e-12);
}

TEST(LearningRateScheduleTest, AShortRunHasNoWarmUp) { EXPECT_EQ(LearningRateFactor(0, 9), 1); }

TEST(ParametersTest, SharedTensorsAreThereOnce) {
  const ModelPackage tiny = testing::TinyPackage();
  const auto parameters = LoadParameters(*tiny.bayespfl, tiny.config, torch::kCPU);
  ASSERT_TRUE(parameters.ok()) << parameters.status();
  EXPECT_TRUE(parameters->contains("state_encoder.weight_mean.module.0.weight"));
  EXPECT_TRUE(parameters->contains("context_decoder.weight_mean.module.0.weight"));
  EXPECT_FALSE(parameters->contains("PFL_normal.encoder.weight_mean.module.0.weight"));
  EXPECT_EQ(parameters->size(), 77);
}

TEST(ParametersTest, AParameterThatTheLossDoesNotKnowHasNoGradient) {
  const TensorMap parameters = {{"seen", torch::ones({2}).requires_grad_()},
                                {"unseen", torch::ones({2}).requires_grad_()}};
  const TensorMap gradients = GradientsOf((3 * parameters.at("seen")).sum(), parameters);
  ASSERT_THAT(gradients, ::testing::SizeIs(1));
  EXPECT_TRUE(torch::equal(gradients.at("seen"), torch::full({2}, 3.0F)));
}

}  // namespace
}  // namespace bayespfl
