#include "model/tower_training/distillation_loss.h"

#include "gtest/gtest.h"

namespace bayespfl {
namespace {

torch::Tensor Features() {
  const torch::Tensor unit = torch::randn({3, 5, 4, 6}, at::make_generator<at::CPUGeneratorImpl>(1));
  // Channels of very different sizes and means, as networks have them.
  return unit * torch::tensor({1.0F, 100.0F, 0.01F, 3.0F, 7.0F}).view({1, 5, 1, 1}) + 2;
}

TEST(DistillationLossTest, TargetsOfEveryChannelHaveTheSameMeanAndDeviation) {
  const torch::Tensor targets = TaughtTargets(Features(), 7);

  ASSERT_EQ(targets.sizes(), torch::IntArrayRef({3, 49, 5}));
  EXPECT_TRUE(torch::allclose(targets.mean(torch::IntArrayRef({0, 1})), torch::zeros(5), 0, 1e-3));
  EXPECT_TRUE(torch::allclose(targets.square().mean(torch::IntArrayRef({0, 1})), torch::ones(5), 0, 0.02));
}

TEST(DistillationLossTest, RowsAreThePatchesOfAPictureLineByLine) {
  torch::Tensor features = torch::zeros({2, 1, 2, 2});
  features[1][0][0][1] = 1;  // of the second picture, the first line's second patch

  const torch::Tensor targets = TaughtTargets(features, 2);

  EXPECT_EQ(targets.flatten().argmax().item<int64_t>(), 4 + 1);
}

TEST(DistillationLossTest, AChannelThatNeverChangesTeachesNothing) {
  EXPECT_TRUE(torch::equal(TaughtTargets(torch::full({2, 3, 4, 4}, 7.5F), 4), torch::zeros({2, 16, 3})));
}

TEST(DistillationLossTest, IsOneForWhoKnowsTheMeanAloneAndZeroForWhoKnowsAll) {
  const torch::Tensor targets = TaughtTargets(Features(), 4);

  EXPECT_NEAR(DistillationLoss(torch::zeros_like(targets), targets).item<double>(), 1, 0.02);
  EXPECT_EQ(DistillationLoss(targets, targets).item<double>(), 0);
}

}  // namespace
}  // namespace bayespfl
