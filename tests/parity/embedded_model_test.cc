// The network with the embedded model's weights, step by step, against tests/parity/reference/detection.py, which
// computes the same in double precision with none of this project's code. detect_golden_test holds the whole of it.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "model/clip/preprocess.h"
#include "model/image/decode.h"
#include "model/libtorch.h"
#include "model/network/model.h"
#include "model/network/noise.h"
#include "model/package/model_package.h"
#include "nlohmann/json.hpp"
#include "tests/support/demo_model.h"
#include "tests/support/paths.h"
#include "tests/support/safetensors_fixture.h"
#include "tests/support/torch_test_device.h"

namespace bayespfl {
namespace {

constexpr double kTolerance = 1e-5;  // of the largest value of what is compared

class EmbeddedModelTest : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    const std::vector<uint8_t> text = testing::ReadFileBytes(testing::TestData("embedded/detections.json"));
    golden_ = nlohmann::json::parse(text)[0];
    samples_ = golden_["samples"];
    auto package = ModelPackage::Open(testing::kDemoModel, {.ignore_calibration = true});
    ASSERT_TRUE(package.ok()) << package.status();
    package->config.stage = GetParam();
    auto model = BayesPflModel::Load(package->config, *package->clip, *package->bayespfl, testing::TorchTestDevice());
    ASSERT_TRUE(model.ok()) << model.status();
    model_ = *std::move(model);
  }

  torch::Tensor Picture() const {
    const auto picture =
        DecodeImage(testing::ReadFileBytes(testing::Asset("demo/images/" + golden_["picture"].get<std::string>())));
    EXPECT_TRUE(picture.ok()) << picture.status();
    const ModelConfig& config = model_->config();
    return torch::tensor(Preprocess(*picture, config))
        .view({1, 3, config.image_size, config.image_size})
        .to(model_->device());
  }

  void Expect(const std::string& step, const torch::Tensor& actual) const {
    const torch::Tensor wanted = torch::tensor(golden_["steps"][step].get<std::vector<float>>());
    const torch::Tensor found = actual.to(torch::kCPU).flatten();
    ASSERT_EQ(found.numel(), wanted.numel()) << step;
    EXPECT_LE((found - wanted).abs().max().item<double>(), kTolerance * wanted.abs().max().item<double>()) << step;
  }

  nlohmann::json golden_;
  int64_t samples_ = 0;
  std::unique_ptr<const BayesPflModel> model_;
};

TEST_P(EmbeddedModelTest, EveryStepIsTheReferences) {
  const c10::InferenceMode inference;
  const VisionFeatures features = model_->EncodeImages(Picture());
  Expect("class_feature", features.image);
  Expect("last_patches", features.patch_tokens[3][0].slice(0, 0, {}, golden_["steps"]["token_step"]));

  const uint64_t seed = golden_["seed"];
  const PromptNoise noise = DrawPromptNoise({seed, seed}, samples_, features.image.size(-1), model_->device());
  const PromptDistributions& distributions = model_->distributions();
  Expect("context", distributions.Context(features.image).Of({}).Sample(noise.context));
  Expect("normal_state", distributions.normal().Sample(noise.normal));
  Expect("abnormal_state", distributions.abnormal().Sample(noise.abnormal));

  const std::vector<int32_t> ids = golden_["steps"]["token_ids"];
  const torch::Tensor text = model_->EncodePrompts(features.image, {{ids, noise}})[0];
  Expect("normal_texts", text.slice(0, 0, text.size(0) / 2));
  Expect("abnormal_texts", text.slice(0, text.size(0) / 2));

  const torch::Tensor embedding = model_->image_head().ImageEmbedding(features)[0];
  if (GetParam() == 2) Expect("image_embedding", embedding);
  const double score = GetParam() == 2 ? golden_["score"] : golden_["steps"]["score_stage_1"];
  EXPECT_NEAR(model_->ScoreImage(text, embedding, samples_).mean, score, kTolerance);

  std::vector<torch::Tensor> patches;
  for (size_t layer = 0; layer < 4; ++layer) {
    patches.push_back(model_->rca().ProjectPatches(layer, features.patch_tokens[layer])[0]);
  }
  const int64_t step = golden_["step"];
  Expect("raw_map",
         model_->MapAnomalies(text, patches, samples_, false).mean.slice(0, 0, {}, step).slice(1, 0, {}, step));
}

INSTANTIATE_TEST_SUITE_P(Stages, EmbeddedModelTest, ::testing::Values(1, 2), ::testing::PrintToStringParamName());

}  // namespace
}  // namespace bayespfl
