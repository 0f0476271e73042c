// A training step against the golden numbers of the reference: tests/data/training holds what its own loop computes of
// one batch of four pictures in two steps of stage 1 and one of stage 2. Every stored tensor is compared; one that no
// test touches fails the suite. fuse.compress.bias is left out: a softmax is blind to it, so that its gradient is
// rounding noise, whose sign Adam turns into a whole step.

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/libtorch.h"
#include "model/network/model.h"
#include "model/training/interpolation_matrix.h"
#include "model/training/learning_rate_schedule.h"
#include "model/training/optimiser.h"
#include "model/training/parameter_groups.h"
#include "model/training/parameters.h"
#include "model/training/training_loss.h"
#include "nlohmann/json.hpp"
#include "tests/model/training/tiny_training.h"
#include "tests/support/paths.h"
#include "tests/support/safetensors_fixture.h"
#include "tests/support/tiny_package.h"
#include "tests/support/torch_test_device.h"

namespace bayespfl {
namespace {

constexpr double kLossTolerance = 1e-5;
constexpr double kTensorTolerance = 1e-5;  // of the tensor's largest value, as those below
constexpr double kGradientTolerance = 1e-4;
constexpr double kParameterTolerance = 1e-6;
constexpr char kRoundingNoise[] = "fuse.compress.bias";
constexpr int64_t kTotalSteps = 60;  // 2 batches in each of 30 epochs

double RelativeError(const torch::Tensor& actual, const torch::Tensor& expected) {
  const torch::Tensor values = actual.detach().to(torch::kCPU).reshape(expected.sizes());
  return ((values - expected).abs().max() / expected.abs().max()).item<double>();
}

class TrainingParityTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::vector<uint8_t> text = testing::ReadFileBytes(testing::TestData("training/training.json"));
    description_ = nlohmann::json::parse(text.begin(), text.end());
    inputs_ = testing::LoadTensors(testing::TestData("training/inputs.safetensors"));
    const torch::NoGradGuard no_grad;
    towers_ = BayesPflModel::LoadTowers(tiny_.config, *tiny_.clip, device_, {}, Precision::kFp32).value();
    parameters_ = LoadParameters(*tiny_.bayespfl, tiny_.config, device_).value();
    upsampling_ = InterpolationMatrix(tiny_.config.image_size, tiny_.config.grid(), device_);
    batch_.features = towers_.vision.Encode(Input("images"));
    batch_.positive = Input("masks").squeeze(1) > 0.5;
    batch_.labels = Input("labels").to(torch::kInt64);
    for (const auto& prompt : description_.at("prompt_texts")) {
      batch_.token_ids.push_back(testing::TokensOf(prompt.get<std::string>()));
    }
  }

  torch::Tensor Input(const std::string& name) const { return inputs_.at(name).to(device_); }

  StepNoise NoiseOf(const std::string& step) const {
    return {Input(step + "/eps_context"), Input(step + "/eps_normal")[0], Input(step + "/eps_abnormal")[0]};
  }

  // Of the parameters as they are.
  std::unique_ptr<const BayesPflModel> Model(int stage) const {
    ModelConfig config = tiny_.config;
    config.stage = stage;
    WeightReader reader(parameters_, "parameters");
    return BayesPflModel::Assemble(config, towers_, reader, device_).value();
  }

  int64_t PromptOf(const std::string& step) const { return description_.at("prompt_index").at(step).get<int64_t>(); }

  const nlohmann::json& Described(const std::string& step) const { return description_.at("steps").at(step); }

  LossTerms Stage1(const std::string& step) const {
    return Stage1Loss(*Model(1), batch_, NoiseOf(step), PromptOf(step), upsampling_);
  }

  TensorMap Gradients(int stage, const LossTerms& terms) const {
    return GradientsOf(terms.Total(), MembersOf(ParameterGroups(stage, parameters_), parameters_));
  }

  // One step of the optimiser after so many others.
  void Update(int stage, int64_t finished, const TensorMap& gradients) {
    const double factor = stage == 1 ? LearningRateFactor(finished, kTotalSteps) : 1;
    optimiser_.StepAll(ParameterGroups(stage, parameters_), factor, gradients, parameters_);
  }

  void ExpectStage1Terms(const std::string& step, const LossTerms& terms) const {
    const nlohmann::json& expected = Described(step);
    const auto expect = [&](const char* name, const torch::Tensor& actual, const nlohmann::json& value) {
      EXPECT_LE(std::abs(actual.item<double>() / value.get<double>() - 1), kLossTolerance) << step << " " << name;
    };
    expect("ce", terms.cross_entropy, expected.at("ce"));
    for (size_t layer = 0; layer < 4; ++layer) {
      expect("focal", terms.focal.at(layer), expected.at("focal_per_layer").at(layer));
      expect("dice", terms.dice.at(layer), expected.at("dice_per_layer").at(layer));
    }
    expect("kl context", terms.kl_context, expected.at("kl_context_times_0.01"));
    expect("kl normal", terms.kl_normal, expected.at("kl_normal_times_0.01"));
    expect("kl abnormal", terms.kl_abnormal, expected.at("kl_abnormal_times_0.01"));
    expect("orthogonality", terms.orthogonality, expected.at("orthogonal"));
    expect("total", terms.Total(), expected.at("total"));
  }

  static void ExpectDraw(const TensorMap& golden, const std::string& prefix, const std::vector<PromptDraw>& draws,
                         std::set<std::string>& seen) {
    const auto expect = [&](const char* name, const auto& value_of) {
      std::vector<torch::Tensor> rows;
      for (const PromptDraw& draw : draws) rows.push_back(value_of(draw));
      EXPECT_LE(RelativeError(torch::stack(rows), golden.at(prefix + name)), kTensorTolerance) << prefix << name;
      seen.insert(prefix + name);
    };
    expect("mean", [](const PromptDraw& draw) { return draw.mean; });
    expect("var", [](const PromptDraw& draw) { return torch::exp(draw.log_variance / 2); });
    expect("z0", [](const PromptDraw& draw) { return draw.z0; });
    expect("zK", [](const PromptDraw& draw) { return draw.zk; });
    expect("logdet_sum", [](const PromptDraw& draw) { return draw.log_det; });
  }

  // The golden numbers on the way to the losses; returns their names.
  std::set<std::string> ExpectIntermediates(int stage, const std::string& step, const TensorMap& golden) const {
    const torch::NoGradGuard no_grad;
    const auto model = Model(stage);
    const DrawnTexts drawn = DrawTexts(*model, batch_, NoiseOf(step));
    std::set<std::string> seen;
    const auto expect = [&](const std::string& name, const torch::Tensor& actual) {
      EXPECT_LE(RelativeError(actual, golden.at(name)), kTensorTolerance) << step << " " << name;
      seen.insert(name);
    };
    ExpectDraw(golden, "pfl/context/", drawn.context, seen);
    ExpectDraw(golden, "pfl/normal/", {drawn.normal}, seen);
    ExpectDraw(golden, "pfl/abnormal/", {drawn.abnormal}, seen);
    expect("text_embeddings", drawn.text);
    expect("logits", ImageLogits(*model, batch_, drawn.text));
    for (size_t layer = 0; layer < 4; ++layer) {
      const torch::Tensor patches = model->rca().ProjectPatches(layer, batch_.features.patch_tokens[layer]);
      std::vector<torch::Tensor> refined;
      for (int64_t i = 0; i < 4; ++i) refined.push_back(model->rca().RefineText(drawn.text[i], patches[i]));
      expect(absl::StrCat("rca_text_", layer), torch::stack(refined));
    }
    return seen;
  }

  // The golden tensors below `prefix` and no others are those of `actual`.
  static void ExpectAll(const TensorMap& golden, const std::string& prefix, const TensorMap& actual, double tolerance,
                        std::set<std::string>& seen) {
    std::set<std::string> expected_names;
    for (const auto& [name, expected] : golden) {
      absl::string_view parameter = name;
      if (!absl::ConsumePrefix(&parameter, prefix)) continue;
      seen.insert(name);
      expected_names.emplace(parameter);
      const auto found = actual.find(std::string(parameter));
      ASSERT_NE(found, actual.end()) << name;
      if (parameter == kRoundingNoise) continue;
      EXPECT_LE(RelativeError(found->second, expected), tolerance) << name;
    }
    for (const auto& [name, tensor] : actual) EXPECT_TRUE(expected_names.contains(name)) << prefix << name;
  }

  // Those parameters whose values are not `before`'s.
  TensorMap MovedSince(const TensorMap& before) const {
    TensorMap moved;
    for (const auto& [name, tensor] : parameters_) {
      if (!torch::equal(tensor, before.at(name))) moved.emplace(name, tensor);
    }
    return moved;
  }

  static void ExpectEverySeen(const TensorMap& golden, const std::set<std::string>& seen) {
    for (const auto& [name, tensor] : golden) EXPECT_TRUE(seen.contains(name)) << name << " was not compared";
  }

  static TensorMap Golden(const std::string& step) {
    return testing::LoadTensors(absl::StrCat(testing::TestData("training/"), step, ".safetensors"));
  }

  const torch::Device device_ = testing::TorchTestDevice();
  const ModelPackage tiny_ = testing::TinyPackage();
  nlohmann::json description_;
  TensorMap inputs_;
  ClipTowers towers_;
  TensorMap parameters_;
  torch::Tensor upsampling_;
  LabelledBatch batch_;
  Optimiser optimiser_;
};

TEST_F(TrainingParityTest, TheFrozenTowersFeaturesMatch) {
  EXPECT_LE(RelativeError(batch_.features.image, inputs_.at("image_features")), kTensorTolerance);
}

TEST_F(TrainingParityTest, EveryNumberOfTheFirstStepOfStage1Matches) {
  const TensorMap golden = Golden("stage1_step1");
  std::set<std::string> seen = ExpectIntermediates(1, "stage1_step1", golden);
  const LossTerms terms = Stage1("stage1_step1");
  ExpectStage1Terms("stage1_step1", terms);
  ExpectAll(golden, "grad/", Gradients(1, terms), kGradientTolerance, seen);
  ExpectEverySeen(golden, seen);
}

TEST_F(TrainingParityTest, TheFirstStepOfStage1MovesNothing) {
  const TensorMap before = CopyOf(parameters_);
  Update(1, 0, Gradients(1, Stage1("stage1_step1")));
  EXPECT_THAT(MovedSince(before), ::testing::IsEmpty());
}

TEST_F(TrainingParityTest, EveryNumberOfTheSecondStepOfStage1Matches) {
  const TensorMap golden = Golden("stage1_step2");
  const TensorMap before = CopyOf(parameters_);
  std::set<std::string> seen;
  Update(1, 0, Gradients(1, Stage1("stage1_step1")));
  const LossTerms terms = Stage1("stage1_step2");
  ExpectStage1Terms("stage1_step2", terms);
  const TensorMap gradients = Gradients(1, terms);
  ExpectAll(golden, "grad/", gradients, kGradientTolerance, seen);
  Update(1, 1, gradients);
  ExpectAll(golden, "param_after/", MovedSince(before), kParameterTolerance, seen);
  ExpectEverySeen(golden, seen);
}

TEST_F(TrainingParityTest, EveryNumberOfTheFirstStepOfStage2Matches) {
  const TensorMap golden = Golden("stage2_step1");
  const TensorMap before = CopyOf(parameters_);
  std::set<std::string> seen = ExpectIntermediates(2, "stage2_step1", golden);
  const LossTerms terms = Stage2Loss(*Model(2), batch_, NoiseOf("stage2_step1"), PromptOf("stage2_step1"));
  EXPECT_NEAR(terms.Total().item<double>(), Described("stage2_step1").at("ce").get<double>(), kLossTolerance);
  const TensorMap gradients = Gradients(2, terms);
  ExpectAll(golden, "grad/", gradients, kGradientTolerance, seen);
  Update(2, 0, gradients);
  TensorMap moved = MovedSince(before);
  moved.emplace(kRoundingNoise, parameters_.at(kRoundingNoise));
  ExpectAll(golden, "param_after/", moved, kParameterTolerance, seen);
  ExpectEverySeen(golden, seen);
}

TEST_F(TrainingParityTest, EveryParameterIsInTheReferencesGroup) {
  for (const int stage : {1, 2}) {
    std::map<std::string, size_t> groups;
    const std::vector<ParameterGroup> of_stage = ParameterGroups(stage, parameters_);
    for (size_t group = 0; group < of_stage.size(); ++group) {
      for (const std::string& name : of_stage[group].names) groups.emplace(name, group);
    }
    const auto expected =
        description_.at(absl::StrCat("optimizer_group_of_parameter_stage", stage)).get<std::map<std::string, size_t>>();
    EXPECT_EQ(groups, expected) << "stage " << stage;
  }
}

TEST_F(TrainingParityTest, TheLearningRatesAreTheReferences) {
  const std::vector<ParameterGroup> groups = ParameterGroups(1, parameters_);
  for (const auto& [step, finished] : {std::pair("stage1_step1", 0), std::pair("stage1_step2", 1)}) {
    const auto expected = Described(step).at("lr_per_group").get<std::vector<double>>();
    ASSERT_EQ(expected.size(), groups.size());
    for (size_t group = 0; group < groups.size(); ++group) {
      EXPECT_DOUBLE_EQ(groups[group].learning_rate * LearningRateFactor(finished, kTotalSteps), expected[group]);
    }
  }
}

}  // namespace
}  // namespace bayespfl
