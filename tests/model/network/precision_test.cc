// The whole network in each precision against itself in fp32, on the embedded model. On the CPU alone, which the forms
// are of.

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/detection/bayespfl_detector.h"
#include "model/libtorch.h"
#include "model/network/model.h"
#include "model/network/noise.h"
#include "model/package/model_package.h"
#include "tests/support/demo_model.h"

namespace bayespfl {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kSamples = 3;

struct Answer {
  ImageScore score;
  torch::Tensor map;  // [S, S]
};

class PrecisionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto package = ModelPackage::Open(testing::kDemoModel);
    ASSERT_TRUE(package.ok()) << package.status();
    package_ = *std::move(package);
    torch::manual_seed(5);
    const int64_t side = package_.config.image_size;
    pictures_ = torch::randn({2, 3, side, side});
  }

  std::unique_ptr<const BayesPflModel> Load(const NetworkKernels& kernels, Precision precision) {
    auto model =
        BayesPflModel::Load(package_.config, *package_.clip, *package_.bayespfl, torch::kCPU, kernels, precision);
    EXPECT_TRUE(model.ok()) << model.status();
    return *std::move(model);
  }

  std::vector<Answer> Detect(const BayesPflModel& model, const torch::Tensor& pictures) {
    const c10::InferenceMode inference;
    const VisionFeatures features = model.EncodeImages(pictures);
    const torch::Tensor embeddings = model.image_head().ImageEmbedding(features);
    const PromptInput input = {.token_ids = {49406, 343, 5721, 11429, 49407},
                               .noise = DrawPromptNoise({}, kSamples, package_.config.embed_dim, torch::kCPU)};
    const std::vector<torch::Tensor> texts =
        model.EncodePrompts(features.image, std::vector<PromptInput>(static_cast<size_t>(pictures.size(0)), input));
    std::vector<Answer> answers;
    for (int64_t i = 0; i < pictures.size(0); ++i) {
      std::vector<torch::Tensor> patches;
      for (size_t layer = 0; layer < features.patch_tokens.size(); ++layer) {
        patches.push_back(model.rca().ProjectPatches(layer, features.patch_tokens[layer])[i]);
      }
      const torch::Tensor& text = texts[static_cast<size_t>(i)];
      answers.push_back({.score = model.ScoreImage(text, embeddings[i], kSamples),
                         .map = model.MapAnomalies(text, patches, kSamples, /*want_deviation=*/false).mean});
    }
    return answers;
  }

  // Every form that there is of it here: LibTorch's, and what is usual.
  static std::vector<NetworkKernels> Forms(Precision precision) { return {{}, UsualNetworkKernels(precision)}; }
  // With an accelerator's too, whose products the CPU has as well.
  static std::vector<NetworkKernels> AllForms(Precision precision) {
    std::vector<NetworkKernels> forms = Forms(precision);
    forms.push_back(AcceleratorKernels(precision));
    return forms;
  }

  ModelPackage package_;
  torch::Tensor pictures_;
};

float MapDifference(const Answer& a, const Answer& b) { return (a.map - b.map).abs().max().item<float>(); }

// Of what users see: 1 when one map is the other, however stretched.
double Correlation(const torch::Tensor& a, const torch::Tensor& b) {
  const torch::Tensor from_mean_a = a.to(torch::kFloat64) - a.to(torch::kFloat64).mean();
  const torch::Tensor from_mean_b = b.to(torch::kFloat64) - b.to(torch::kFloat64).mean();
  return ((from_mean_a * from_mean_b).sum() / (from_mean_a.norm() * from_mean_b.norm())).item<double>();
}

TEST_F(PrecisionTest, Bf16IsNearFp32AndNotTheSame) {
  const std::vector<Answer> expected = Detect(*Load({}, Precision::kFp32), pictures_);
  for (const NetworkKernels& kernels : AllForms(Precision::kBf16)) {
    const std::vector<Answer> answers = Detect(*Load(kernels, Precision::kBf16), pictures_);
    for (size_t i = 0; i < answers.size(); ++i) {
      SCOPED_TRACE(NetworkKernelsText(kernels));
      EXPECT_NEAR(answers[i].score.mean, expected[i].score.mean, 5e-3);
      EXPECT_NEAR(answers[i].score.deviation, expected[i].score.deviation, 5e-3);
      EXPECT_LE(MapDifference(answers[i], expected[i]), 2e-2);
      EXPECT_GT(MapDifference(answers[i], expected[i]), 1e-6) << "was anything rounded?";
    }
  }
}

TEST_F(PrecisionTest, Fp16IsNearerToFp32ThanBf16) {
  const std::vector<Answer> expected = Detect(*Load({}, Precision::kFp32), pictures_);
  const std::vector<Answer> bf16 = Detect(*Load({}, Precision::kBf16), pictures_);
  for (const NetworkKernels& kernels : AllForms(Precision::kFp16)) {
    const std::vector<Answer> answers = Detect(*Load(kernels, Precision::kFp16), pictures_);
    for (size_t i = 0; i < answers.size(); ++i) {
      SCOPED_TRACE(NetworkKernelsText(kernels));
      EXPECT_NEAR(answers[i].score.mean, expected[i].score.mean, 2e-3);
      EXPECT_NEAR(answers[i].score.deviation, expected[i].score.deviation, 2e-3);
      EXPECT_LE(MapDifference(answers[i], expected[i]), 5e-3);
      EXPECT_LT(MapDifference(answers[i], expected[i]), MapDifference(bf16[i], expected[i])) << "was it bfloat16?";
      EXPECT_GT(MapDifference(answers[i], expected[i]), 1e-7) << "was anything rounded?";
    }
  }
}

// What a GPU makes of a precision, against the same roundings with products of floats: each is as near to fp32 as the
// precision allows, and they round at different places, so that they are no nearer to each other.
TEST_F(PrecisionTest, ProductsOfSixteenBitsAreNearThoseOfRoundedFloats) {
  for (const auto& [precision, map] : {std::pair(Precision::kBf16, 2e-2), std::pair(Precision::kFp16, 5e-3)}) {
    const std::vector<Answer> floats = Detect(*Load({}, precision), pictures_);
    const std::vector<Answer> narrow = Detect(*Load(AcceleratorKernels(precision), precision), pictures_);
    for (size_t i = 0; i < floats.size(); ++i) {
      SCOPED_TRACE(PrecisionName(precision));
      EXPECT_NEAR(narrow[i].score.mean, floats[i].score.mean, 2 * ScoreTolerance(precision));
      EXPECT_LE(MapDifference(narrow[i], floats[i]), map);
    }
  }
}

TEST_F(PrecisionTest, Int8IsNearFp32AndNotBf16) {
  const std::vector<Answer> expected = Detect(*Load({}, Precision::kFp32), pictures_);
  const std::vector<Answer> bf16 = Detect(*Load({}, Precision::kBf16), pictures_);
  for (const NetworkKernels& kernels : Forms(Precision::kInt8)) {
    const std::vector<Answer> answers = Detect(*Load(kernels, Precision::kInt8), pictures_);
    for (size_t i = 0; i < answers.size(); ++i) {
      SCOPED_TRACE(NetworkKernelsText(kernels));
      EXPECT_NEAR(answers[i].score.mean, expected[i].score.mean, 0.02);
      EXPECT_NEAR(answers[i].score.deviation, expected[i].score.deviation, 0.02);
      EXPECT_GE(Correlation(answers[i].map, expected[i].map), 0.99);
      EXPECT_GT(MapDifference(answers[i], expected[i]), MapDifference(bf16[i], expected[i])) << "was it 8 bits?";
    }
  }
}

TEST_F(PrecisionTest, TheSamePictureGivesTheSameBits) {
  for (const Precision precision : {Precision::kBf16, Precision::kInt8}) {
    const auto model = Load(UsualNetworkKernels(precision), precision);
    const std::vector<Answer> first = Detect(*model, pictures_);
    const std::vector<Answer> again = Detect(*model, pictures_);
    for (size_t i = 0; i < first.size(); ++i) {
      EXPECT_EQ(again[i].score.mean, first[i].score.mean);
      EXPECT_TRUE(torch::equal(again[i].map, first[i].map));
    }
  }
}

// The vision tower gives the same bits. What draws the prompts is summed in another order for another number of frames,
// by 1e-7, and where that turns a rounding the text tower carries it on: 2e-5 of a score and 3e-5 of a map were
// measured. The precisions themselves cost a hundred times that, which is what one scale for the whole batch would
// show.
TEST_F(PrecisionTest, AFrameHardlyDependsOnItsNeighbours) {
  constexpr float kTurnedRoundings = 1e-4F;
  for (const Precision precision : {Precision::kBf16, Precision::kInt8}) {
    for (const NetworkKernels& kernels : Forms(precision)) {
      const auto model = Load(kernels, precision);
      const std::vector<Answer> both = Detect(*model, pictures_);
      const std::vector<Answer> alone = Detect(*model, pictures_.slice(0, 0, 1));
      SCOPED_TRACE(absl::StrCat(NetworkKernelsText(kernels), ", ", PrecisionName(precision)));
      EXPECT_NEAR(both[0].score.mean, alone[0].score.mean, kTurnedRoundings);
      EXPECT_LE(MapDifference(both[0], alone[0]), kTurnedRoundings);
    }
  }
}

TEST_F(PrecisionTest, WhatCannotBeMultipliedIsRefused) {
  const auto load = [&](LinearForm linear, Precision precision) {
    return BayesPflModel::Load(package_.config, *package_.clip, *package_.bayespfl, torch::kCPU, {.linear = linear},
                               precision)
        .status();
  };
  EXPECT_EQ(load(LinearForm::kOneDnn, Precision::kInt8).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(load(LinearForm::kOwn, Precision::kFp32).code(), absl::StatusCode::kInvalidArgument);
  if (Bf16InstructionSets().back() == InstructionSet::kAvx512Bf16) return;
  for (const LinearForm linear : {LinearForm::kOneDnn, LinearForm::kOwn}) {
    const absl::Status status = load(linear, Precision::kBf16);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(status.message(), HasSubstr("this processor has no avx512_bf16"));
  }
}

// As when a line that was computed in fp32 is computed again in int8.
TEST_F(PrecisionTest, ADetectorTakesTheUsualLinearMapsWhereThoseAskedForAreOfAnotherPrecision) {
  package_.config.precision = Precision::kInt8;
  const auto detector =
      BayesPflDetector::Load(package_, torch::kCPU, {.device = "cpu", .kernels = "linear=onednn attention=torch"});
  ASSERT_TRUE(detector.ok()) << detector.status();
  NetworkKernels expected;
  expected.linear = UsualNetworkKernels(Precision::kInt8).linear;
  EXPECT_THAT((*detector)->info().kernels, HasSubstr(NetworkKernelsText(expected)));
}

}  // namespace
}  // namespace bayespfl
