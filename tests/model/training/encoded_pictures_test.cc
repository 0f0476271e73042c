#include "model/training/encoded_pictures.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/libtorch.h"
#include "model/network/model.h"
#include "tests/model/training/generated_pictures.h"
#include "tests/model/training/tiny_training.h"
#include "tests/support/demo_model.h"
#include "tests/support/tiny_package.h"

namespace bayespfl {
namespace {

using ::testing::ElementsAre;
using testing::GeneratedPictures;
using ::testing::HasSubstr;

class EncodedPicturesTest : public ::testing::Test {
 protected:
  EncodedPictures Encoded(const TrainingData& data, int threads = 2) const {
    return {data, towers_.vision, objects_, {.image_size = 56, .device = torch::kCPU, .loading_threads = threads}};
  }

  const ModelPackage tiny_ = testing::TinyPackage();
  const ClipTowers towers_ =
      BayesPflModel::LoadTowers(tiny_.config, *tiny_.clip, torch::kCPU, {}, Precision::kFp32).value();
  const ObjectReader objects_ =
      ObjectReader::Create(testing::kDemoModel + "/bpe_simple_vocab_16e6.txt.gz", tiny_.config).value();
};

TEST_F(EncodedPicturesTest, ABatchHasThePicturesInTheOrderThatWasAskedFor) {
  const GeneratedPictures pictures(6, 56, {"metal nut", "capsules"});
  EncodedPictures encoded = Encoded(pictures);
  const auto batch = encoded.Get({4, 1, 2}, 0);
  ASSERT_TRUE(batch.ok()) << batch.status();
  EXPECT_THAT(batch->objects, ElementsAre("metal nut", "metal nut", "capsules"));
  EXPECT_TRUE(torch::equal(batch->labels, torch::tensor({0, 1, 0}, torch::kInt64)));
  EXPECT_TRUE(torch::equal(batch->positive[1], pictures.Get(1, 0)->mask > 0.5));
  EXPECT_THAT(batch->token_ids[2], ::testing::ElementsAreArray(testing::TokensOf("X capsules")));
  const torch::NoGradGuard no_grad;
  const VisionFeatures alone = towers_.vision.Encode(pictures.Get(1, 0)->image.unsqueeze(0));
  EXPECT_TRUE(torch::allclose(batch->features.image[1], alone.image[0], 1e-5, 1e-6));
}

TEST_F(EncodedPicturesTest, ThreadsAndAnnouncementsChangeNothing) {
  const GeneratedPictures pictures(6, 56, {"metal nut"});
  EncodedPictures plain = Encoded(pictures, 1);
  EncodedPictures ahead = Encoded(pictures, 3);
  const std::vector<int64_t> indices = {5, 0, 3};
  ahead.Announce(indices, 2);
  const auto expected = plain.Get(indices, 2);
  const auto announced = ahead.Get(indices, 2);
  ASSERT_TRUE(expected.ok() && announced.ok());
  EXPECT_TRUE(torch::equal(announced->features.image, expected->features.image));
}

TEST_F(EncodedPicturesTest, AnAnnouncementOfOtherPicturesIsForgotten) {
  const GeneratedPictures pictures(6, 56, {"metal nut"});
  EncodedPictures encoded = Encoded(pictures);
  encoded.Announce({1, 2}, 0);
  const auto batch = encoded.Get({1, 2}, 1);
  ASSERT_TRUE(batch.ok());
  EXPECT_TRUE(torch::equal(batch->features.image, Encoded(pictures).Get({1, 2}, 1)->features.image));
  EXPECT_FALSE(torch::equal(batch->features.image, Encoded(pictures).Get({1, 2}, 0)->features.image));
}

TEST_F(EncodedPicturesTest, FeaturesCanBeDifferentiatedThrough) {
  const GeneratedPictures pictures(2, 56, {"metal nut"});
  const auto batch = Encoded(pictures).Get({0, 1}, 0);
  ASSERT_TRUE(batch.ok());
  EXPECT_FALSE(batch->features.image.requires_grad());
  EXPECT_FALSE(batch->features.image.is_inference());
}

TEST_F(EncodedPicturesTest, APictureOfAWrongSizeIsNamed) {
  const GeneratedPictures pictures(4, 42, {"metal nut"});
  const absl::Status status = Encoded(pictures).Get({3}, 0).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("picture 3"));
}

TEST_F(EncodedPicturesTest, AnObjectWithoutWordsIsNamed) {
  const GeneratedPictures pictures(4, 56, {" "});
  const absl::Status status = Encoded(pictures).Get({2}, 0).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("picture 2: object"));
}

}  // namespace
}  // namespace bayespfl
