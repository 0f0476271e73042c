#include "model/tower_training/caption_loss.h"

#include <cmath>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/network/model.h"
#include "tests/model/training/tiny_training.h"
#include "tests/support/demo_model.h"
#include "tests/support/tiny_package.h"

namespace bayespfl {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

class CaptionLossTest : public ::testing::Test {
 protected:
  const ModelPackage tiny_ = testing::TinyPackage();
  const ObjectReader objects_ =
      ObjectReader::Create(testing::kDemoModel + "/bpe_simple_vocab_16e6.txt.gz", tiny_.config).value();
};

TEST_F(CaptionLossTest, PicturesOfOneObjectAndStateShareACaption) {
  const auto captions = CaptionsOf({"gear", "nut", "gear", "gear"}, {false, false, true, false}, objects_);

  ASSERT_TRUE(captions.ok()) << captions.status();
  EXPECT_THAT(captions->of_picture, ElementsAre(0, 1, 2, 0));
  ASSERT_EQ(captions->token_ids.size(), 3U);
  EXPECT_THAT(captions->token_ids[0], ElementsAreArray(testing::TokensOf("X flawless gear")));
  EXPECT_THAT(captions->token_ids[2], ElementsAreArray(testing::TokensOf("X damaged gear")));
}

TEST_F(CaptionLossTest, ACaptionThatIsTooLongIsAnError) {
  std::string object;
  for (int i = 0; i < 100; ++i) object += "7 ";  // a token each
  const auto captions = CaptionsOf({object}, {false}, objects_);

  EXPECT_EQ(captions.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(captions.status().message()), HasSubstr("object"));
}

TEST_F(CaptionLossTest, WhatStandsBesideACaptionChangesNothing) {
  const torch::NoGradGuard no_grad;
  const TextTransformer text =
      BayesPflModel::LoadTowers(tiny_.config, *tiny_.clip, torch::kCPU, {}, Precision::kFp32).value().text;
  const Captions both = CaptionsOf({"nut", "long metal cable"}, {true, false}, objects_).value();
  const Captions one = CaptionsOf({"nut"}, {true}, objects_).value();

  const torch::Tensor together = EncodeCaptions(text, both, torch::kCPU);

  EXPECT_TRUE(torch::allclose(together[0], EncodeCaptions(text, one, torch::kCPU)[0], 1e-4, 1e-5));
  EXPECT_FALSE(torch::allclose(together[0], together[1], 1e-2, 1e-2));
  EXPECT_TRUE(torch::allclose(together.norm(2, -1), torch::ones({2})));
}

// -ln softmax by hand: cosines 1 and 0 at temperature 0.07.
TEST_F(CaptionLossTest, IsTheCrossEntropyOfEachPicturesOwnCaption) {
  const torch::Tensor captions = torch::eye(2);
  const torch::Tensor images = torch::tensor({{5.0F, 0.0F}, {0.0F, 0.1F}});  // lengths do not matter
  const double right = std::log1p(std::exp(-1 / 0.07));

  EXPECT_NEAR(CaptionLoss(images, captions, {0, 1}).item<double>(), right, 1e-7);
  EXPECT_NEAR(CaptionLoss(images, captions, {1, 0}).item<double>(), right + 1 / 0.07, 1e-4);
}

}  // namespace
}  // namespace bayespfl
