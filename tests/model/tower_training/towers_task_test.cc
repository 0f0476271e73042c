#include "model/tower_training/towers_task.h"

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/libtorch.h"
#include "model/training/interpolation_matrix.h"
#include "model/training/loaded_pictures.h"
#include "model/training/parameters.h"
#include "model/training/trainer.h"
#include "tests/model/training/generated_pictures.h"
#include "tests/model/training/tiny_training.h"
#include "tests/support/demo_model.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_package.h"

namespace bayespfl {
namespace {

using ::testing::ElementsAre;
using testing::GeneratedPictures;
using ::testing::IsEmpty;
using testing::TemporaryFolder;

// Colours as features: [N, 3, 4, 4].
class ColourTeacher final : public Teacher {
 public:
  torch::Tensor Features(const torch::Tensor& images) const override {
    const torch::NoGradGuard no_grad;
    return torch::adaptive_avg_pool2d(images, {4, 4});
  }
  int64_t channels() const override { return 3; }
  const std::string& digest() const override { return digest_; }

 private:
  const std::string digest_ = "colours";
};

class StopAfter final : public TrainingObserver {
 public:
  explicit StopAfter(size_t most = std::numeric_limits<size_t>::max()) : most_(most) {}
  void OnStep(const StepReport& step) override { steps.push_back(step); }
  bool ShouldStop() override { return steps.size() >= most_; }

  std::vector<StepReport> steps;

 private:
  const size_t most_;
};

class TowersTaskTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { torch::set_num_threads(1); }

  std::unique_ptr<TowersTask> Task(bool teacher, const TowersOptions& options = {}) const {
    return TowersTask::Create(testing::TinyPackage(), objects_, teacher ? std::make_unique<ColourTeacher>() : nullptr,
                              options, torch::kCPU)
        .value();
  }
  LabelledBatch Batch() { return training_.Get({0, 1, 2, 3}, 0).value(); }
  StepDraws Draws() const {
    const int64_t width = config_.embed_dim;
    const auto noise = [](torch::IntArrayRef shape, uint64_t seed) {
      return torch::randn(shape, at::make_generator<at::CPUGeneratorImpl>(seed));
    };
    return {.noise = {.context = noise({4, width}, 1), .normal = noise({width}, 2), .abnormal = noise({width}, 3)},
            .prompt = 1};
  }
  LossTerms Loss(const TowersTask& task) {
    const auto model = task.Assemble(kTowerStage).value();
    return task.Loss(kTowerStage, *model, Batch(), Draws()).value();
  }
  absl::StatusOr<TrainingResult> Train(const TowersTask& task, const std::string& state, TrainingObserver& observer) {
    TrainerOptions options;
    options.seed = 3;
    options.batch_size = 2;
    options.course = {.epochs = 3, .patience = 3};
    options.validation.samples = 2;
    options.validation.scratch_folder = ::testing::TempDir();
    options.validation.pixels.scores_per_pass = int64_t{1} << 18;
    options.state_folder = state;
    options.identity = {{"model", "towers"}};
    return Trainer(task, training_, validation_, options).Run(observer);
  }

  const ModelConfig config_ = testing::TinyPackage().config;
  const ObjectReader objects_ =
      ObjectReader::Create(testing::kDemoModel + "/bpe_simple_vocab_16e6.txt.gz", config_).value();
  const GeneratedPictures training_pictures_{5, config_.image_size, {"metal nut", "capsules"}};
  const GeneratedPictures validation_pictures_{4, config_.image_size, {"bottle"}};
  const LoadingOptions loading_ = {.image_size = config_.image_size, .device = torch::kCPU, .loading_threads = 2};
  LoadedPictures training_{training_pictures_, objects_, loading_};
  LoadedPictures validation_{validation_pictures_, objects_, loading_};
  const TemporaryFolder folder_;
};

TEST_F(TowersTaskTest, GradientsReachBothTowersAndEverythingElseThatScores) {
  const auto task = Task(/*teacher=*/true);
  const TensorMap gradients = GradientsOf(Loss(*task).Total(), task->parameters());

  std::vector<std::string> without;
  for (const auto& [name, tensor] : task->parameters()) {
    const auto found = gradients.find(name);
    if (found == gradients.end() || !found->second.any().item<bool>()) without.push_back(name);
  }
  // Stage 2's modules, what no result depends on, CLIP's own temperature, and the one that has nothing to say of as
  // many normal as anomalous pictures.
  for (const std::string& name : without) {
    const bool known = absl::StartsWith(name, "fuse.") || absl::StartsWith(name, "image_mapping.") ||
                       absl::StartsWith(name, "class_mapping.") || absl::StrContains(name, "decoder") ||
                       absl::StrContains(name, "p_mu") || name == "logit_scale" || name == "heads.image.bias";
    EXPECT_TRUE(known) << name << " does not learn";
  }
  EXPECT_GT(gradients.size(), 100U);
}

TEST_F(TowersTaskTest, TheTotalIsTheSumOfItsTermsAndATeachersIsOneOfThem) {
  const LossTerms with = Loss(*Task(/*teacher=*/true));
  const LossTerms without = Loss(*Task(/*teacher=*/false));

  ASSERT_TRUE(with.distillation.defined());
  EXPECT_FALSE(without.distillation.defined());
  // Heads that say nothing yet: the whole variance is left.
  EXPECT_NEAR(with.distillation.item<double>(), 1, 0.02);
  EXPECT_NEAR(with.Total().item<double>(), without.Total().item<double>() + with.distillation.item<double>(), 1e-4);
  const double rest =
      without.Total().item<double>() - without.auxiliary.item<double>() - without.captions.item<double>();
  const auto model = Task(/*teacher=*/false)->Assemble(kTowerStage).value();
  LabelledBatch batch = Batch();
  batch.features = model->EncodeImages(batch.images);
  const StepDraws draws = Draws();
  const LossTerms stage1 = Stage1Loss(*model, batch, draws.noise, draws.prompt,
                                      InterpolationMatrix(config_.image_size, config_.grid(), torch::kCPU));
  const auto prompts = (stage1.kl_context + stage1.kl_normal + stage1.kl_abnormal + stage1.orthogonality);
  EXPECT_NEAR(rest, (stage1.Total() - (1 - kPromptTermWeight) * prompts).item<double>(), 1e-4);
}

TEST_F(TowersTaskTest, EveryParameterIsInOneGroupAndBlocksMatricesAloneDecay) {
  const auto task = Task(/*teacher=*/true, {.learning_rate = 2e-3, .weight_decay = 0.1});
  const std::vector<ParameterGroup> groups = task->Groups(kTowerStage);

  size_t names = 0;
  for (const ParameterGroup& group : groups) names += group.names.size();
  EXPECT_EQ(names, task->parameters().size());
  ASSERT_EQ(groups.size(), 3U);
  EXPECT_THAT(groups[0].names, ::testing::Contains("visual.transformer.resblocks.0.attn.in_proj_weight"));
  EXPECT_THAT(groups[0].names, ::testing::Not(::testing::Contains("visual.transformer.resblocks.0.ln_1.weight")));
  EXPECT_THAT(groups[0].names, ::testing::Not(::testing::Contains("transformer.resblocks.0.mlp.c_fc.bias")));
  EXPECT_DOUBLE_EQ(groups[0].weight_decay, 0.1);
  EXPECT_DOUBLE_EQ(groups[1].weight_decay, 0);
  EXPECT_DOUBLE_EQ(groups[1].learning_rate, 2e-3);
  EXPECT_THAT(groups[2].names, ElementsAre("temperature_image", "temperature_pixel"));
  EXPECT_DOUBLE_EQ(groups[2].learning_rate, 1e-2);
  for (const ParameterGroup& group : groups) EXPECT_FALSE(group.muon);
}

TEST_F(TowersTaskTest, MuonMovesBlocksMatricesAlone) {
  const std::vector<ParameterGroup> groups = Task(/*teacher=*/false, {.muon = true})->Groups(kTowerStage);

  ASSERT_EQ(groups.size(), 3U);
  EXPECT_TRUE(groups[0].muon);
  EXPECT_FALSE(groups[1].muon);
  EXPECT_FALSE(groups[2].muon);
}

TEST_F(TowersTaskTest, LearnsWhatItIsShownAndWhatItsTeacherSays) {
  const auto task = Task(/*teacher=*/true, {.learning_rate = 3e-3});
  Optimiser optimiser(task->optimiser());
  const LossTerms before = Loss(*task);
  for (int step = 0; step < 40; ++step) {
    optimiser.StepAll(task->Groups(kTowerStage), 1, GradientsOf(Loss(*task).Total(), task->parameters()),
                      task->parameters());
  }
  const LossTerms after = Loss(*task);
  EXPECT_LT(after.Total().item<double>(), 0.7 * before.Total().item<double>());
  EXPECT_LT(after.distillation.item<double>(), 0.7);
  EXPECT_LT(after.captions.item<double>(), before.captions.item<double>());
}

TEST_F(TowersTaskTest, ARunHasOneStageAndGoesOnToTheSameBits) {
  const auto whole = Task(/*teacher=*/true);
  StopAfter to_the_end;
  const auto expected = Train(*whole, folder_.File("whole"), to_the_end);
  ASSERT_TRUE(expected.ok()) << expected.status();
  EXPECT_TRUE(expected->finished);
  EXPECT_EQ(expected->stage, kTowerStage);
  EXPECT_EQ(to_the_end.steps.size(), 9U);
  EXPECT_GT(to_the_end.steps.back().loss.distillation, 0);

  const auto first = Task(/*teacher=*/true);
  StopAfter stopping(4);
  ASSERT_FALSE(Train(*first, folder_.File("stopped"), stopping)->finished);
  const auto second = Task(/*teacher=*/true);
  StopAfter rest;
  const auto result = Train(*second, folder_.File("stopped"), rest);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(rest.steps.size(), 5U);
  EXPECT_EQ(result->history, expected->history);
  std::vector<std::string> different;
  for (const auto& [name, tensor] : expected->weights) {
    if (!torch::equal(result->weights.at(name), tensor)) different.push_back(name);
  }
  EXPECT_THAT(different, IsEmpty());
}

}  // namespace
}  // namespace bayespfl
