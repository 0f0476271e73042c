// The losses on cases that can be worked out by hand.

#include <cmath>
#include <numbers>

#include "gtest/gtest.h"
#include "model/libtorch.h"
#include "model/network/anomaly_maps.h"
#include "model/training/cross_entropy.h"
#include "model/training/interpolation_matrix.h"
#include "model/training/kl_divergence.h"
#include "model/training/orthogonality_loss.h"
#include "model/training/pixel_losses.h"

namespace bayespfl {
namespace {

double Value(const torch::Tensor& scalar) { return scalar.item<double>(); }

// The difference of logits of a pixel whose probability of an anomaly is p.
float Logit(double p) { return static_cast<float>(std::log(p / (1 - p))); }

TEST(CrossEntropyTest, IsTheMeanOfTheLogarithmsOfTheRightClass) {
  const torch::Tensor logits = torch::tensor({{Logit(0.8), 0.0F}, {0.0F, Logit(0.9)}});
  EXPECT_NEAR(Value(CrossEntropyLoss(logits, torch::tensor({0, 1}))), -(std::log(0.8) + std::log(0.9)) / 2, 1e-6);
}

double Focal(double p) { return -(1 - p) * (1 - p) * std::log(p); }

TEST(FocalLossTest, WeighsBothClassesAlikeHoweverFewPixelsOneHas) {
  const torch::Tensor difference = torch::tensor({{{Logit(0.8), Logit(0.3)}, {Logit(0.3), Logit(0.4)}}});
  const torch::Tensor positive = torch::tensor({{{true, false}, {false, false}}});
  const double expected = Focal(0.8) + (Focal(0.7) + Focal(0.7) + Focal(0.6)) / 3;
  EXPECT_NEAR(Value(PixelLosses(positive).Of(difference).focal), expected, 1e-6);
}

TEST(FocalLossTest, AClassThatIsNotThereCostsNothing) {
  const torch::Tensor difference = torch::full({2, 3, 3}, Logit(0.25));
  EXPECT_NEAR(Value(PixelLosses(torch::zeros({2, 3, 3}, torch::kBool)).Of(difference).focal), Focal(0.75), 1e-6);
}

TEST(FocalLossTest, StaysFiniteWhenAProbabilityVanishes) {
  const torch::Tensor difference = torch::full({1, 1, 1}, -1e4F).requires_grad_();
  const PixelLossTerms terms = PixelLosses(torch::ones({1, 1, 1}, torch::kBool)).Of(difference);
  EXPECT_NEAR(Value(terms.focal), -std::log(1e-8), 1e-4);
  (terms.focal + terms.dice).backward();
  EXPECT_TRUE(difference.grad().isfinite().all().item<bool>());
}

TEST(DiceLossTest, ComparesTheSumsOfTheWholeBatch) {
  const torch::Tensor difference = torch::tensor({{{100.0F, 0.0F}}, {{-100.0F, 0.0F}}});  // p: 1, 0.5; 0, 0.5
  const torch::Tensor positive = torch::tensor({{{true, false}}, {{true, true}}});
  EXPECT_NEAR(Value(PixelLosses(positive).Of(difference).dice), 1 - (2 * 1.5 + 1e-5) / (2 + 3 + 1e-5), 1e-6);
}

TEST(DiceLossTest, NothingMarkedAndNothingFoundIsPerfect) {
  const torch::Tensor difference = torch::full({1, 2, 2}, -100.0F);
  EXPECT_NEAR(Value(PixelLosses(torch::zeros({1, 2, 2}, torch::kBool)).Of(difference).dice), 0, 1e-6);
}

// The formulas, letter by letter and in double, differentiated by LibTorch.
PixelLossTerms Spelt(const torch::Tensor& difference, const torch::Tensor& positive) {
  const torch::Tensor p = torch::sigmoid(difference);
  const torch::Tensor y = positive.to(torch::kFloat64);
  const torch::Tensor own = p * y + (1 - p) * (1 - y);
  const torch::Tensor loss = -(1 - own).square() * torch::log(own + 1e-8);
  return {.focal = (loss * y).sum() / (y.sum() + 1e-8) + (loss * (1 - y)).sum() / ((1 - y).sum() + 1e-8),
          .dice = 1 - (2 * (p * y).sum() + 1e-5) / (p.sum() + y.sum() + 1e-5)};
}

TEST(PixelLossesTest, ValuesAndGradientsAreThoseOfTheFormulas) {
  const auto generator = at::make_generator<at::CPUGeneratorImpl>(1);
  const torch::Tensor maps = 4 * torch::randn({3, 9, 9}, generator);
  const torch::Tensor positive = torch::rand({3, 9, 9}, generator) < 0.1;
  // Weights that differ tell the two gradients apart.
  const auto weighted = [](const PixelLossTerms& terms) { return 3 * terms.focal - 50 * terms.dice; };
  const torch::Tensor expected_maps = maps.to(torch::kFloat64).requires_grad_();
  const PixelLossTerms expected = Spelt(expected_maps, positive);
  weighted(expected).backward();
  const torch::Tensor actual_maps = maps.clone().requires_grad_();
  const PixelLosses losses(positive);
  (void)losses.Of(-maps);  // leaves nothing behind
  const PixelLossTerms actual = losses.Of(actual_maps);
  weighted(actual).backward();

  EXPECT_NEAR(Value(actual.focal), Value(expected.focal), 1e-6);
  EXPECT_NEAR(Value(actual.dice), Value(expected.dice), 1e-6);
  const torch::Tensor error = (actual_maps.grad() - expected_maps.grad()).abs().max();
  EXPECT_LT(Value(error), 1e-6 * Value(expected_maps.grad().abs().max()));
}

TEST(OrthogonalityLossTest, OrthogonalPromptsCostNothing) {
  const torch::Tensor text = torch::cat({torch::eye(3), 5 * torch::eye(3)}).unsqueeze(0);
  EXPECT_NEAR(Value(OrthogonalityLoss(text)), 0, 1e-12);
}

TEST(OrthogonalityLossTest, EqualPromptsCostAllPairsButTheirOwn) {
  // 6 of 9 cosines are 1 among the normal rows; among the abnormal ones 2 of 9 are cos^2 = 1/2.
  const float root = static_cast<float>(std::numbers::sqrt2) / 2;
  const torch::Tensor normal = torch::tensor({{1.0F, 0.0F, 0.0F}, {2.0F, 0.0F, 0.0F}, {3.0F, 0.0F, 0.0F}});
  const torch::Tensor abnormal = torch::tensor({{1.0F, 0.0F, 0.0F}, {root, root, 0.0F}, {0.0F, 0.0F, 1.0F}});
  const torch::Tensor text = torch::cat({normal, abnormal}).expand({4, 6, 3});
  EXPECT_NEAR(Value(OrthogonalityLoss(text)), 6.0 / 9 + 2 * 0.5 / 9, 1e-6);
}

// mu = (1, 0), v = exp(lambda / 2) = (1, e), one step with w . u = 0, so that the determinant is 1.
PromptDistribution Distribution() {
  return {.mean = torch::tensor({1.0F, 0.0F}),
          .log_variance = torch::tensor({0.0F, 2.0F}),
          .flow = {.u = torch::tensor({{0.0F, 2.0F}}), .w = torch::tensor({{1.0F, 0.0F}}), .b = torch::zeros({1})}};
}

TEST(KlDivergenceTest, ADrawGoesThroughTheFlow) {
  const PromptDraw draw = DrawPrompt(Distribution(), torch::tensor({1.0F, 0.0F}));
  EXPECT_TRUE(torch::allclose(draw.z0, torch::tensor({2.0F, 0.0F})));
  EXPECT_TRUE(torch::allclose(draw.zk, torch::tensor({2.0F, static_cast<float>(2 * std::tanh(2.0))})));
  EXPECT_NEAR(Value(draw.log_det), 1e-5, 1e-6);
}

TEST(KlDivergenceTest, OfTheContextIsTheMeanOverPictures) {
  const PromptDraw one = DrawPrompt(Distribution(), torch::tensor({1.0F, 0.0F}));
  PromptDraw other = DrawPrompt(Distribution(), torch::tensor({0.0F, 1.0F}));
  other.log_det = torch::tensor(0.5F);
  // ln q = -(ln v summed + squares) / 2, ln p = -|z_K|^2 / 2.
  const double rise = 2 * std::tanh(2.0);
  const double first = -0.5 * (1 + 1) + 0.5 * (4 + rise * rise) - 1e-5;
  const double z1 = std::exp(0.5) + 2 * std::tanh(1.0);
  const double second = -0.5 * (1 + 1) + 0.5 * (1 + z1 * z1) - 0.5;
  EXPECT_NEAR(Value(ContextKl({one, other})), (first + second) / 2, 1e-5);
}

TEST(KlDivergenceTest, OfAStateSharesItsDeterminantAmongThePictures) {
  PromptDraw draw = DrawPrompt(Distribution(), torch::zeros({2}));
  draw.log_det = torch::tensor(6.0F);
  EXPECT_NEAR(Value(StateKl(draw, 1)) - Value(StateKl(draw, 4)), 6.0 / 4 - 6, 1e-5);
}

TEST(InterpolationMatrixTest, GivesTheMapsOfInference) {
  const torch::Tensor maps = torch::randn({2, 5, 5}, at::make_generator<at::CPUGeneratorImpl>(1));
  const torch::Tensor upsampled = Upsample(InterpolationMatrix(23, 5, torch::kCPU), maps);
  EXPECT_TRUE(torch::allclose(upsampled, UpsampleLogits(maps, 23), /*rtol=*/0, /*atol=*/2e-6));
}

TEST(InterpolationMatrixTest, OnePatchIsTheWholePicture) {
  EXPECT_TRUE(torch::equal(Upsample(InterpolationMatrix(4, 1, torch::kCPU), torch::full({1, 1}, 2.0F)),
                           torch::full({4, 4}, 2.0F)));
}

}  // namespace
}  // namespace bayespfl
