#include "model/training/validation.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/evaluation/ranking_metrics.h"
#include "model/evaluation/reference_scores.h"
#include "model/libtorch.h"
#include "model/network/noise.h"
#include "model/training/draws.h"
#include "model/training/encoded_pictures.h"
#include "model/training/parameters.h"
#include "tests/model/training/generated_pictures.h"
#include "tests/model/training/tiny_training.h"
#include "tests/support/demo_model.h"
#include "tests/support/tiny_package.h"

namespace bayespfl {
namespace {

using testing::GeneratedPictures;

// The generated pictures, each changed in one way.
class Changed final : public TrainingData {
 public:
  using Change = std::function<void(TrainingPicture&)>;

  Changed(GeneratedPictures pictures, Change change) : pictures_(std::move(pictures)), change_(std::move(change)) {}
  int64_t size() const override { return pictures_.size(); }
  absl::StatusOr<TrainingPicture> Get(int64_t index, uint64_t epoch) const override {
    absl::StatusOr<TrainingPicture> picture = pictures_.Get(index, epoch);
    if (picture.ok()) change_(*picture);
    return picture;
  }

 private:
  const GeneratedPictures pictures_;
  const Change change_;
};

class ValidationTest : public ::testing::Test {
 protected:
  ValidationTest() {
    WeightReader reader(parameters_, "parameters");
    model_ = BayesPflModel::Assemble(tiny_.config, towers_, reader, torch::kCPU).value();
    options_.samples = 2;
    options_.scratch_folder = ::testing::TempDir();
    options_.pixels.scores_per_pass = int64_t{1} << 18;
  }

  EncodedPictures Encoded(const TrainingData& data) const {
    return {data, towers_.vision, objects_, {.image_size = 56}};
  }

  absl::StatusOr<ValidationScores> Measure(const TrainingData& data, uint64_t key = 1) const {
    EncodedPictures encoded = Encoded(data);
    return Validate(*model_, encoded, key, options_);
  }

  const ModelPackage tiny_ = testing::TinyPackage();
  const ClipTowers towers_ =
      BayesPflModel::LoadTowers(tiny_.config, *tiny_.clip, torch::kCPU, {}, Precision::kFp32).value();
  const TensorMap parameters_ = LoadParameters(*tiny_.bayespfl, tiny_.config, torch::kCPU).value();
  const ObjectReader objects_ =
      ObjectReader::Create(testing::kDemoModel + "/bpe_simple_vocab_16e6.txt.gz", tiny_.config).value();
  std::unique_ptr<const BayesPflModel> model_;
  ValidationOptions options_;
};

TEST_F(ValidationTest, IsTheMeanOverTheClasses) {
  const GeneratedPictures nuts(4, 56, {"metal nut"});
  const auto alone = Measure(nuts);
  ASSERT_TRUE(alone.ok()) << alone.status();
  // A second class of one good and one defective picture, whose average precision is 1 or 1/2 by their order.
  const GeneratedPictures both(4, 56, {"metal nut", "wood"});
  const auto mean = Measure(both);
  ASSERT_TRUE(mean.ok()) << mean.status();
  EXPECT_THAT(mean->image_ap, ::testing::AnyOf(0.5, 0.75, 1));
  EXPECT_GT(mean->pixel_ap, 0);
  EXPECT_LT(mean->pixel_ap, 1);
}

// The reference's way, step by step: probabilities at full size, summed over pairs and layers, and text scores
// stretched to 0..1 within the class.
TEST_F(ValidationTest, IsWhatTheReferenceMeasures) {
  constexpr uint64_t kKey = 9;
  const torch::NoGradGuard no_grad;
  const GeneratedPictures nuts(4, 56, {"metal nut"});
  const auto batch = Encoded(nuts).Get({0, 1, 2, 3}, 0);
  ASSERT_TRUE(batch.ok());
  std::vector<double> pixels;
  std::vector<uint8_t> marks;
  std::vector<double> texts;
  for (int64_t i = 0; i < 4; ++i) {
    const NoiseSeeds seeds = {DrawKey(kKey, DrawPurpose::kNoise, static_cast<uint64_t>(i)), kKey};
    const PromptInput prompt = {batch->token_ids[0], DrawPromptNoise(seeds, 2, 32, torch::kCPU)};
    const torch::Tensor image = batch->features.image.slice(0, i, i + 1);
    const torch::Tensor text = model_->EncodePrompts(image, {prompt}, PromptForm::kWhole)[0];
    torch::Tensor sum = torch::zeros({56, 56});
    for (size_t layer = 0; layer < 4; ++layer) {
      const torch::Tensor patches = model_->rca().ProjectPatches(layer, batch->features.patch_tokens[layer][i]);
      const torch::Tensor refined = model_->rca().RefineText(text, patches);
      const torch::Tensor logits = model_->rca().PixelLogits(refined, patches).view({-1, 4, 4});
      sum += AbnormalProbability(UpsampleLogits(logits, 56), 0).sum(0);
    }
    const torch::Tensor embedding = model_->image_head().ImageEmbedding(batch->features)[i];
    texts.push_back(AbnormalProbability(model_->image_head().Logits(text, embedding), 0).mean().item<double>());
    for (int64_t pixel = 0; pixel < sum.numel(); ++pixel) {
      pixels.push_back(sum.flatten()[pixel].item<double>());
      marks.push_back(batch->positive[i].flatten()[pixel].item<bool>() ? 1 : 0);
    }
  }
  const auto measured = Measure(nuts, kKey);
  ASSERT_TRUE(measured.ok()) << measured.status();
  EXPECT_NEAR(measured->pixel_ap, *RankScores(pixels, marks, kPixelF1Epsilon).average_precision, 1e-4);
  EXPECT_EQ(measured->image_ap, *RankScores(MinMax(texts), {0, 1, 0, 1}, kImageF1Epsilon).average_precision);
}

TEST_F(ValidationTest, AnotherKeyDrawsOtherSamples) {
  const GeneratedPictures nuts(4, 56, {"metal nut"});
  EXPECT_NE(Measure(nuts, 1)->pixel_ap, Measure(nuts, 2)->pixel_ap);
}

TEST_F(ValidationTest, BatchesDoNotMatter) {
  const GeneratedPictures nuts(4, 56, {"metal nut"});
  const double together = Measure(nuts)->pixel_ap;
  options_.batch_size = 3;
  EXPECT_NEAR(Measure(nuts)->pixel_ap, together, 1e-6);
}

TEST_F(ValidationTest, AClassWithoutADefectIsNamed) {
  const Changed pictures(GeneratedPictures(4, 56, {"metal nut"}), [](TrainingPicture& picture) {
    picture.mask.zero_();
    picture.anomalous = false;
  });
  const absl::Status status = Measure(pictures).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("metal nut"));
}

TEST_F(ValidationTest, AClassWithoutAMarkIsNamed) {
  const Changed pictures(GeneratedPictures(4, 56, {"metal nut"}),
                         [](TrainingPicture& picture) { picture.mask.zero_(); });
  const absl::Status status = Measure(pictures).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("metal nut"));
}

TEST_F(ValidationTest, CategoriesWithTheSameWordsAreClassesOfTheirOwn) {
  const GeneratedPictures nuts(8, 56, {"nut1", "nut2"});
  const auto apart = Measure(Changed(nuts, [](TrainingPicture& picture) { picture.object = "metal nut"; }));
  const auto together = Measure(Changed(nuts, [](TrainingPicture& picture) {
    picture.object = "metal nut";
    picture.category = "nuts";
  }));
  ASSERT_TRUE(apart.ok()) << apart.status();
  ASSERT_TRUE(together.ok()) << together.status();
  EXPECT_NE(apart->pixel_ap, together->pixel_ap);
}

TEST_F(ValidationTest, EndsWhenItIsToStop) {
  options_.batch_size = 1;
  int asked = 0;
  options_.should_stop = [&asked] { return ++asked == 3; };
  EXPECT_EQ(Measure(GeneratedPictures(4, 56, {"metal nut"})).status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(asked, 3);
}

TEST_F(ValidationTest, NoPictureIsAnError) {
  EXPECT_EQ(Measure(GeneratedPictures(0, 56, {"metal nut"})).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace bayespfl
