#include "model/network/flop_count.h"

#include "gtest/gtest.h"

namespace bayespfl {
namespace {

// So small that each number can be worked out on paper.
ModelConfig Small() {
  ModelConfig config;
  config.embed_dim = 3;
  config.vision = {.width = 4, .layers = 2, .heads = 2};
  config.patch_size = 2;
  config.tapped_layers = {1, 2};
  config.text = {.width = 3, .layers = 2, .heads = 1};
  config.prompts = 1;
  config.context_rows = 1;
  config.state_rows = 1;
  config.flow_steps = 2;
  config.encoder_width = 2;
  config.image_size = 4;  // 2 x 2 patches, 5 tokens
  return config;
}

// ViT-L/14-336 at 518 px.
ModelConfig Published() {
  ModelConfig config;
  config.embed_dim = 768;
  config.vision = {.width = 1024, .layers = 24, .heads = 16};
  config.patch_size = 14;
  config.tapped_layers = {6, 12, 18, 24};
  config.text = {.width = 768, .layers = 12, .heads = 12};
  config.prompts = 3;
  config.context_rows = 5;
  config.state_rows = 5;
  config.flow_steps = 10;
  config.encoder_width = 512;
  config.image_size = 518;
  return config;
}

// Two samples of one prompt: 4 sequences of 1 + 1 + 1 + 3 rows.
constexpr FlopBatch kSmallBatch = {.frames = 1, .samples = 2, .tokens = 5, .prompts = PromptForm::kWhole};

TEST(FlopCountTest, TheVisionTowerByHand) {
  const FlopCount::Vision vision = CountFlop(Small(), kSmallBatch).vision;
  EXPECT_EQ(vision.embedding, 2 * 4 * 12 * 4);
  EXPECT_EQ(vision.linear, 2 * (2 * 5 * 4 * 12 + 2 * 5 * 4 * 4 + 2 * (2 * 5 * 4 * 16)));
  EXPECT_EQ(vision.attention, 2 * (2 * 5 * 5 * 4 + 2 * 5 * 5 * 4));
  // The class token's projection, F of two layers, then the fused tokens: W_1, w_2, W_3, W_i.
  EXPECT_EQ(vision.heads, 2 * 4 * 3 + 2 * (2 * 4 * 4 * 3) + 2 * 4 * 8 * 2 + 2 * 4 * 2 + 2 * 2 * 3 + 2 * 3 * 3);
  EXPECT_EQ(vision.total(), 384 + 3840 + 800 + 390);
}

TEST(FlopCountTest, StageOneDoesNotFuseTokens) {
  ModelConfig config = Small();
  config.stage = 1;
  EXPECT_EQ(CountFlop(config, kSmallBatch).vision.heads, 2 * 4 * 3 + 2 * (2 * 4 * 4 * 3));
}

TEST(FlopCountTest, WholePromptsByHand) {
  const FlopCount::Prompts prompts = CountFlop(Small(), kSmallBatch).prompts;
  EXPECT_EQ(prompts.distributions, 2 * (2 * 3 * 2 + 2 * 2 * 2 + 2 * 2 * 3) + 2 * (2 * 3 * 6) + 2 * 3 * 2);
  EXPECT_EQ(prompts.flows, 3 * 2 * (2 * 2 * 3 + 2 * 2 * 3));
  EXPECT_EQ(prompts.linear, 2 * 24 * 24 * 9);
  EXPECT_EQ(prompts.attention, 2 * 4 * (4 * 6 * 6 * 3));
  EXPECT_EQ(prompts.projection, 2 * 4 * 3 * 3);
  EXPECT_EQ(prompts.total(), 148 + 144 + 10368 + 3456 + 72);
}

// 1 row is common to all, 2 to the two states of a sample, 4 x 4 are a sequence's own: 19. In the last block 4 rows go
// on from the attention.
TEST(FlopCountTest, SharedPromptsByHand) {
  FlopBatch batch = kSmallBatch;
  batch.prompts = PromptForm::kShared;
  const FlopCount::Prompts shared = CountFlop(Small(), batch).prompts;
  const FlopCount::Prompts whole = CountFlop(Small(), kSmallBatch).prompts;
  EXPECT_EQ(shared.linear, 24 * 19 * 9 + 6 * 19 * 9 + 18 * 4 * 9);
  EXPECT_EQ(shared.total() - shared.linear, whole.total() - whole.linear);
}

TEST(FlopCountTest, DetectionByHand) {
  const FlopCount::Detect detect = CountFlop(Small(), kSmallBatch).detect;
  EXPECT_EQ(detect.scores, 2 * 4 * 3 * 3 + 2 * 4 * 3);
  EXPECT_EQ(detect.refinement, 2 * 4 * 3 * 3 + 2 * (2 * 4 * 3 * 4 + 2 * 4 * 4 * 3));  // queries once for all layers
  EXPECT_EQ(detect.logits, 2 * (2 * 2 * 3 * 4));                                      // of differences of pairs
}

TEST(FlopCountTest, FramesCostTheSameEach) {
  for (const PromptForm form : {PromptForm::kShared, PromptForm::kWhole}) {
    const FlopCount one = CountFlop(Small(), {.frames = 1, .samples = 3, .tokens = 6, .prompts = form});
    const FlopCount five = CountFlop(Small(), {.frames = 5, .samples = 3, .tokens = 6, .prompts = form});
    EXPECT_EQ(five.vision.total(), 5 * one.vision.total());
    EXPECT_EQ(five.prompts.total(), 5 * one.prompts.total());
    EXPECT_EQ(five.detect.total(), 5 * one.detect.total());
    EXPECT_EQ(five.total(), 5 * one.total());
  }
}

TEST(FlopCountTest, AFrameOfThePublishedModelTakes1170Billion) {
  const FlopCount whole =
      CountFlop(Published(), {.frames = 1, .samples = 10, .tokens = 5, .prompts = PromptForm::kWhole});
  constexpr double kBillion = 1e9;
  EXPECT_NEAR(static_cast<double>(whole.vision.linear) / kBillion, 827, 0.5);
  EXPECT_NEAR(static_cast<double>(whole.vision.attention) / kBillion, 185, 0.5);
  EXPECT_NEAR(static_cast<double>(whole.prompts.linear) / kBillion, 143, 0.5);
  EXPECT_NEAR(static_cast<double>(whole.vision.embedding + whole.vision.heads) / kBillion, 16, 0.5);
  EXPECT_NEAR(static_cast<double>(whole.total()) / kBillion, 1173, 1);
}

// 631 rows of 840.
TEST(FlopCountTest, SharingSavesAThirdOfThePublishedModelsText) {
  const ModelConfig config = Published();
  const auto linear = [&](PromptForm form) {
    return static_cast<double>(
        CountFlop(config, {.frames = 1, .samples = 10, .tokens = 5, .prompts = form}).prompts.linear);
  };
  const double expected = (11 * 24 * 631.0 + 6 * 631.0 + 18 * 60.0) / (12 * 24 * 840.0);
  EXPECT_DOUBLE_EQ(linear(PromptForm::kShared) / linear(PromptForm::kWhole), expected);
  EXPECT_NEAR(expected, 0.71, 0.005);
}

}  // namespace
}  // namespace bayespfl
