// The closed-form count against the matrix products that LibTorch is really asked for. On the CPU alone: the count is
// the same elsewhere, and the operators' names are not.

#include <ATen/record_function.h>

#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "model/libtorch.h"
#include "model/network/flop_count.h"
#include "model/network/model.h"
#include "model/network/noise.h"
#include "model/package/model_package.h"
#include "tests/support/demo_model.h"

namespace bayespfl {
namespace {

int64_t traced_flop = 0;

// Operations of one call: those whose matrices stand in its arguments `first` and `first` + 1.
int64_t FlopOf(const std::string& name, c10::ArrayRef<const c10::IValue> inputs) {
  const auto sizes = [&](size_t i) { return inputs[i].toTensor().sizes(); };
  if (name == "aten::mm") return 2 * sizes(0)[0] * sizes(0)[1] * sizes(1)[1];
  if (name == "aten::addmm") return 2 * sizes(1)[0] * sizes(1)[1] * sizes(2)[1];
  if (name == "aten::bmm") return 2 * sizes(0)[0] * sizes(0)[1] * sizes(0)[2] * sizes(1)[2];
  if (name == "aten::mv") return 2 * sizes(0)[0] * sizes(0)[1];
  if (name == "aten::outer") return 2 * sizes(0)[0] * sizes(1)[0];
  // Queries [N, heads, L, d]; without it LibTorch multiplies in steps that are counted above.
  if (name == "aten::_scaled_dot_product_flash_attention_for_cpu") {
    return 4 * sizes(0)[0] * sizes(0)[1] * sizes(0)[2] * sizes(1)[2] * sizes(0)[3];
  }
  return 0;
}

std::unique_ptr<at::ObserverContext> Count(const at::RecordFunction& call) {
  traced_flop += FlopOf(call.name(), call.inputs());
  return nullptr;
}

template <typename Work>
int64_t Traced(Work work) {
  traced_flop = 0;
  const at::CallbackHandle handle = at::addThreadLocalCallback(at::RecordFunctionCallback(Count).needsInputs(true));
  work();
  at::removeCallback(handle);
  return traced_flop;
}

class FlopTraceTest : public ::testing::TestWithParam<PromptForm> {
 protected:
  void SetUp() override {
    auto package = ModelPackage::Open(testing::kDemoModel);
    ASSERT_TRUE(package.ok()) << package.status();
    package_ = *std::move(package);
    auto model = BayesPflModel::Load(package_.config, *package_.clip, *package_.bayespfl, torch::kCPU);
    ASSERT_TRUE(model.ok()) << model.status();
    model_ = *std::move(model);
  }

  ModelPackage package_;
  std::unique_ptr<const BayesPflModel> model_;
};

TEST_P(FlopTraceTest, EveryStageDoesWhatIsCounted) {
  const c10::InferenceMode inference;
  const FlopBatch batch = {.frames = 2, .samples = 3, .tokens = 6, .prompts = GetParam()};
  const FlopCount count = CountFlop(package_.config, batch);
  const int64_t side = package_.config.image_size;

  const torch::Tensor images = torch::randn({batch.frames, 3, side, side});
  VisionFeatures features;
  torch::Tensor embeddings;
  std::vector<torch::Tensor> patches;
  const int64_t vision = Traced([&] {
    features = model_->EncodeImages(images);
    embeddings = model_->image_head().ImageEmbedding(features);
    for (size_t layer = 0; layer < features.patch_tokens.size(); ++layer) {
      patches.push_back(model_->rca().ProjectPatches(layer, features.patch_tokens[layer]));
    }
  });
  EXPECT_EQ(vision, count.vision.total());

  const PromptNoise noise = DrawPromptNoise({}, batch.samples, package_.config.embed_dim, torch::kCPU);
  const PromptInput input = {.token_ids = {49406, 343, 1, 2, 3, 49407}, .noise = noise};
  std::vector<torch::Tensor> texts;
  const int64_t prompts = Traced([&] { texts = model_->EncodePrompts(features.image, {input, input}, batch.prompts); });
  EXPECT_EQ(prompts, count.prompts.total());

  const int64_t detect = Traced([&] {
    for (size_t i = 0; i < texts.size(); ++i) {
      const auto row = static_cast<int64_t>(i);
      std::vector<torch::Tensor> own;
      for (const torch::Tensor& layer : patches) own.push_back(layer[row]);
      model_->ScoreImage(texts[i], embeddings[row], batch.samples);
      model_->MapAnomalies(texts[i], own, batch.samples, false);
    }
  });
  EXPECT_EQ(detect, count.detect.total());
}

INSTANTIATE_TEST_SUITE_P(OfPrompts, FlopTraceTest, ::testing::Values(PromptForm::kShared, PromptForm::kWhole),
                         [](const auto& form) { return form.param == PromptForm::kShared ? "Shared" : "Whole"; });

}  // namespace
}  // namespace bayespfl
