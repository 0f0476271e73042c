// The network against the golden numbers of the reference: tests/data/tiny/expected_stage1 and
// expected_stage2.safetensors hold what it computes of two pictures, step by step from the embedding to score and map.
// Every stored tensor is compared; a tensor that no test touches fails the suite, so that nothing is skipped unnoticed.

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/clip/preprocess.h"
#include "model/detection/pixel_map.h"
#include "model/image/decode.h"
#include "model/libtorch.h"
#include "model/network/model.h"
#include "model/network/unit_length.h"
#include "model/package/model_package.h"
#include "tests/support/paths.h"
#include "tests/support/safetensors_fixture.h"
#include "tests/support/torch_test_device.h"

namespace bayespfl {
namespace {

using testing::FixtureTensor;
using testing::LoadSafetensors;

constexpr double kTolerance = 1e-5;  // of the tensor's largest value
constexpr int64_t kSamples = 2;

torch::Tensor ToTensor(const FixtureTensor& fixture) {
  return torch::tensor(fixture.values, torch::kFloat32).view(fixture.shape);
}

torch::Tensor OnDevice(const FixtureTensor& fixture) { return ToTensor(fixture).to(testing::TorchTestDevice()); }

// max |actual - expected| / max |expected|, wherever the two lie.
double RelativeError(const torch::Tensor& actual, const torch::Tensor& expected) {
  const torch::Tensor wanted = expected.to(torch::kCPU);
  return ((actual.to(torch::kCPU) - wanted).abs().max() / wanted.abs().max()).item<double>();
}

class Golden {
 public:
  explicit Golden(const std::string& path) : tensors_(LoadSafetensors(path)) {
    for (const auto& [name, tensor] : tensors_) unseen_.insert(name);
  }

  void Expect(const std::string& name, const torch::Tensor& actual) {
    ASSERT_TRUE(tensors_.contains(name)) << name;
    unseen_.erase(name);
    const torch::Tensor expected = ToTensor(tensors_.at(name));
    ASSERT_EQ(actual.numel(), expected.numel()) << name;
    EXPECT_LE(RelativeError(actual.reshape(expected.sizes()), expected), kTolerance) << name;
  }

  bool Has(const std::string& name) const { return tensors_.contains(name); }
  const std::set<std::string>& unseen() const { return unseen_; }

 private:
  std::map<std::string, FixtureTensor> tensors_;
  std::set<std::string> unseen_;
};

struct Inputs {
  torch::Tensor image;
  std::vector<int32_t> padded_ids;  // 77
  PromptInput prompt;
};

class ParityTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    // The fixture's weights do not carry the vocabulary: the parts are opened one by one.
    const std::string dir = testing::TestData("tiny/");
    fixture_ = new std::map<std::string, FixtureTensor>(LoadSafetensors(dir + "inputs.safetensors"));
    for (const int stage : {1, 2}) {
      const std::vector<uint8_t> text = testing::ReadFileBytes(dir + "config.json");
      auto config = ParseModelConfig({reinterpret_cast<const char*>(text.data()), text.size()});
      ASSERT_TRUE(config.ok()) << config.status();
      config->stage = stage;
      auto clip = SafetensorsFile::Open(dir + "clip.safetensors");
      auto weights = SafetensorsFile::Open(dir + "bayespfl.safetensors");
      ASSERT_TRUE(clip.ok() && weights.ok());
      const torch::Device device = testing::TorchTestDevice();
      // Both forms of the maps that the CPU has: LibTorch's with the one stage, our own with the other.
      NetworkKernels kernels;
      if (stage == 2 && device.is_cpu()) kernels.maps = InstructionSets().back();
      auto model = BayesPflModel::Load(*config, **clip, **weights, device, kernels);
      ASSERT_TRUE(model.ok()) << model.status();
      models_[stage - 1] = (*std::move(model)).release();
    }
  }

  static const BayesPflModel& Model(int stage) { return *models_[stage - 1]; }
  static torch::Tensor Input(const std::string& name) { return OnDevice(fixture_->at(name)); }

  // The image-agnostic draws are the first picture's: the reference keeps them.
  static Inputs ReadInputs(int picture) {
    const std::string prefix = absl::StrCat("img", picture, "/");
    Inputs inputs;
    inputs.image = Input(prefix + "image");
    for (const float id : fixture_->at(prefix + "tokens").values) inputs.padded_ids.push_back(static_cast<int32_t>(id));
    const auto end = std::find(inputs.padded_ids.begin(), inputs.padded_ids.end(), 49407);
    inputs.prompt.token_ids.assign(inputs.padded_ids.begin(), end + 1);
    inputs.prompt.noise = {Input(prefix + "eps_context").squeeze(1), Input("img0/eps_normal").squeeze(1),
                           Input("img0/eps_abnormal").squeeze(1)};
    return inputs;
  }

  static void ExpectDistribution(Golden& golden, const std::string& prefix, const PromptDistribution& distribution,
                                 const torch::Tensor& noise, bool amortised) {
    if (!golden.Has(prefix + "mean")) return;
    const torch::Tensor z0 = distribution.Initial(noise);
    const std::vector<torch::Tensor> path = PlanarFlow(z0, distribution.flow);
    const torch::Tensor logdet = PlanarFlowLogDet(z0, path, distribution.flow);
    golden.Expect(prefix + "mean", distribution.mean);
    golden.Expect(prefix + "logvar", distribution.log_variance);
    golden.Expect(prefix + "var", distribution.variance());
    golden.Expect(prefix + "z0", z0);
    golden.Expect(prefix + "flow_z", torch::stack(path, 1));
    golden.Expect(prefix + "zK", path.back());
    golden.Expect(prefix + "flow_logdet", logdet);
    golden.Expect(prefix + "logdet_sum", logdet.sum(1));
    if (!amortised) return;
    golden.Expect(prefix + "u", distribution.flow.u);
    golden.Expect(prefix + "w", distribution.flow.w);
    golden.Expect(prefix + "b", distribution.flow.b);
  }

  // The full 77 rows, as the reference feeds them; returns the raw embeddings [M, E].
  static torch::Tensor ExpectText(Golden& golden, const std::string& prefix, const BayesPflModel& model,
                                  PromptState state, const Inputs& inputs, const torch::Tensor& z_context,
                                  const torch::Tensor& z_state) {
    const torch::Tensor learned =
        torch::cat({model.bank().ContextRows(z_context), model.bank().StateRows(state, z_state)}, 1);  // [M, 10, D_t]
    const torch::Tensor tokens =
        model.text().EmbedTokens(torch::tensor(inputs.padded_ids).to(model.device())).expand({learned.size(0), -1, -1});
    // The placeholder at position 1 gives way to the learned rows, and the end is cut.
    const torch::Tensor assembled = torch::cat({tokens.slice(1, 0, 1), learned, tokens.slice(1, 2, 68)}, 1);
    const torch::Tensor placed = assembled + model.text().Positions(77);
    const auto end = static_cast<int64_t>(inputs.prompt.token_ids.size()) - 1 + 10 - 1;
    const torch::Tensor ends =
        torch::arange(placed.size(0), placed.options().dtype(torch::kInt64)) * placed.size(1) + end;
    const torch::Tensor raw = model.text().Encode(placed, ends);
    if (golden.Has(prefix + "_replaced_rows")) {
      golden.Expect(prefix + "_replaced_rows", learned);
      golden.Expect(prefix + "_prompt_embeddings", placed);
      golden.Expect(prefix + "_embeddings_raw", raw);
    }
    return raw;
  }

  // Step by step, with the logits of both texts of a pair at full size; returns the mean over the layers.
  static torch::Tensor ExpectMaps(Golden& golden, const std::string& prefix, const BayesPflModel& model,
                                  const torch::Tensor& text, const std::vector<torch::Tensor>& patches) {
    std::vector<torch::Tensor> layer_maps;
    for (size_t layer = 0; layer < patches.size(); ++layer) {
      const torch::Tensor refined = model.rca().RefineText(text, patches[layer]);
      const torch::Tensor low = model.rca().PixelLogits(refined, patches[layer]).view({-1, 4, 4});
      const torch::Tensor up = UpsampleLogits(low, 56);
      layer_maps.push_back(AbnormalProbability(up, 0).mean(0));
      if (!golden.Has(absl::StrCat(prefix, "rca_text_", layer))) continue;
      golden.Expect(absl::StrCat(prefix, "rca_dense_", layer), patches[layer]);
      golden.Expect(absl::StrCat(prefix, "rca_text_", layer), refined);
      golden.Expect(absl::StrCat(prefix, "low_", layer), low);
      if (golden.Has(absl::StrCat(prefix, "up_", layer))) golden.Expect(absl::StrCat(prefix, "up_", layer), up);
    }
    if (golden.Has(prefix + "layer_anomaly_prob"))
      golden.Expect(prefix + "layer_anomaly_prob", torch::stack(layer_maps));
    return torch::stack(layer_maps).mean(0);
  }

  // Runs `pictures` as one batch and compares everything stored for them.
  static void ExpectBatch(Golden& golden, int stage, const std::vector<int>& pictures) {
    const BayesPflModel& model = Model(stage);
    std::vector<Inputs> inputs;
    std::vector<torch::Tensor> images;
    std::vector<PromptInput> prompts;
    for (const int picture : pictures) {
      inputs.push_back(ReadInputs(picture));
      images.push_back(inputs.back().image);
      prompts.push_back(inputs.back().prompt);
    }
    const torch::Tensor batch = torch::cat(images);
    const torch::Tensor embedded = model.vision().Embed(batch);
    const VisionFeatures features = model.EncodeImages(batch);
    const torch::Tensor embeddings = model.image_head().ImageEmbedding(features);
    const PromptDistribution context = model.distributions().Context(features.image);
    const std::vector<torch::Tensor> texts = model.EncodePrompts(features.image, prompts);
    const std::vector<torch::Tensor> whole = model.EncodePrompts(features.image, prompts, PromptForm::kWhole);

    for (size_t i = 0; i < pictures.size(); ++i) {
      const std::string prefix = absl::StrCat("img", pictures[i], "/");
      const auto row = static_cast<int64_t>(i);
      if (golden.Has(prefix + "vision/after_ln_pre")) {
        golden.Expect(prefix + "vision/after_ln_pre", embedded[row]);
        golden.Expect(prefix + "vision/image_features", features.image[row]);
        for (size_t l = 0; l < 4; ++l) {
          golden.Expect(absl::StrCat(prefix, "vision/patch_tokens_", l), features.patch_tokens[l][row]);
        }
      }
      const PromptNoise& noise = inputs[i].prompt.noise;
      const PromptDistribution own_context = context.Of({.first = row});
      ExpectDistribution(golden, prefix + "pfl/context/", own_context, noise.context, true);
      ExpectDistribution(golden, prefix + "pfl/normal/", model.distributions().normal(), noise.normal, false);
      ExpectDistribution(golden, prefix + "pfl/abnormal/", model.distributions().abnormal(), noise.abnormal, false);

      const torch::Tensor z_context = own_context.Sample(noise.context);
      const torch::Tensor normal = ExpectText(golden, prefix + "text/normal", model, PromptState::kNormal, inputs[i],
                                              z_context, model.distributions().normal().Sample(noise.normal));
      const torch::Tensor abnormal =
          ExpectText(golden, prefix + "text/abnormal", model, PromptState::kAbnormal, inputs[i], z_context,
                     model.distributions().abnormal().Sample(noise.abnormal));
      golden.Expect(prefix + "text/text_embeddings", texts[i]);
      golden.Expect(prefix + "text/text_embeddings", whole[i]);
      // Cutting the text after its end is exact.
      EXPECT_LE(RelativeError(texts[i], UnitLength(torch::cat({normal, abnormal}))), kTolerance);

      const torch::Tensor logits = model.image_head().Logits(texts[i], embeddings[row]);
      if (stage == 1) {
        golden.Expect(prefix + "score/class_mapping_out", model.image_head().MapClasses(texts[i]));
      } else {
        golden.Expect(prefix + "score/fuse_out", model.image_head().FuseTokens(features)[row]);
        golden.Expect(prefix + "score/image_mapping_out", model.image_head().MapImage(features)[row]);
      }
      golden.Expect(prefix + "score/logits", logits);
      golden.Expect(prefix + "score/text_probs", AbnormalProbability(logits, -1));
      golden.Expect(prefix + "score/image_score",
                    torch::tensor(model.ScoreImage(texts[i], embeddings[row], kSamples).mean));

      std::vector<torch::Tensor> patches;
      for (size_t l = 0; l < 4; ++l) patches.push_back(model.rca().ProjectPatches(l, features.patch_tokens[l])[row]);
      const torch::Tensor stepwise = ExpectMaps(golden, prefix + "maps/", model, texts[i], patches);
      const torch::Tensor map = model.MapAnomalies(texts[i], patches, kSamples, false).mean;
      golden.Expect(prefix + "maps/anomaly_map", map);
      EXPECT_LE((map - stepwise).abs().max().item<double>(), 1e-6);
    }
  }

  static Golden Expected(int stage) {
    return Golden(absl::StrCat(testing::TestData("tiny/expected_stage"), stage, ".safetensors"));
  }

  static inline std::map<std::string, FixtureTensor>* fixture_ = nullptr;
  static inline const BayesPflModel* models_[2] = {};
};

TEST_F(ParityTest, EveryTensorOfStage1MatchesOnePictureAtATime) {
  const c10::InferenceMode inference;
  Golden golden = Expected(1);
  golden.Expect("clip/positional_embedding_resized", Model(1).vision().positional_embedding());
  ExpectBatch(golden, 1, {0});
  ExpectBatch(golden, 1, {1});
  EXPECT_THAT(golden.unseen(), ::testing::IsEmpty());
}

TEST_F(ParityTest, EveryTensorOfStage1MatchesInOneBatchOfTwoCategories) {
  const c10::InferenceMode inference;
  Golden golden = Expected(1);
  golden.Expect("clip/positional_embedding_resized", Model(1).vision().positional_embedding());
  ExpectBatch(golden, 1, {0, 1});
  EXPECT_THAT(golden.unseen(), ::testing::IsEmpty());
}

TEST_F(ParityTest, EveryTensorOfStage2MatchesOnePictureAtATime) {
  const c10::InferenceMode inference;
  Golden golden = Expected(2);
  ExpectBatch(golden, 2, {0});
  ExpectBatch(golden, 2, {1});
  EXPECT_THAT(golden.unseen(), ::testing::IsEmpty());
}

TEST_F(ParityTest, EveryTensorOfStage2MatchesInOneBatchOfTwoCategories) {
  const c10::InferenceMode inference;
  Golden golden = Expected(2);
  ExpectBatch(golden, 2, {1, 0});
  EXPECT_THAT(golden.unseen(), ::testing::IsEmpty());
}

TEST(PreprocessParityTest, RgbAndGrayPicturesMatchAfterNormalisation) {
  constexpr double kNormalisedTolerance = 1e-6;
  const auto golden = LoadSafetensors(testing::TestData("preprocess.safetensors"));
  ModelConfig config;
  config.image_size = 56;
  config.mean = {0.48145466F, 0.4578275F, 0.40821073F};
  config.stddev = {0.26862954F, 0.26130258F, 0.27577711F};
  for (const char* name : {"gray_64x80", "rgb_131x97", "rgb_1x1", "rgb_37x211", "rgb_56x56", "rgb_700x500"}) {
    const auto image =
        DecodeImage(testing::ReadFileBytes(absl::StrCat(testing::TestData("preprocess/"), name, ".png")));
    ASSERT_TRUE(image.ok()) << name << image.status();
    const torch::Tensor input = torch::tensor(Preprocess(*image, config)).view({3, 56, 56});
    EXPECT_LE(RelativeError(input, ToTensor(golden.at(absl::StrCat(name, "/56")))), kNormalisedTolerance) << name;
  }
}

}  // namespace
}  // namespace bayespfl
