// What the trainer does in which stage: draws, learning rates, validations, and what it takes from one stage to the
// next.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/libtorch.h"
#include "model/training/draws.h"
#include "model/training/learning_rate_schedule.h"
#include "model/training/parameters.h"
#include "model/training/trainer.h"
#include "tests/model/training/tiny_run.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl {
namespace {

using testing::TinyRun;

// Keeps the draws of each step, and lets the task do the rest.
class Recording final : public TrainingTask {
 public:
  explicit Recording(StagesTask task) : task_(std::move(task)) {}

  const ModelConfig& config() const override { return task_.config(); }
  torch::Device device() const override { return task_.device(); }
  const TensorMap& parameters() const override { return task_.parameters(); }
  int first_stage() const override { return task_.first_stage(); }
  AdamOptions optimiser() const override { return task_.optimiser(); }
  std::vector<ParameterGroup> Groups(int stage) const override { return task_.Groups(stage); }
  absl::StatusOr<std::unique_ptr<const BayesPflModel>> Assemble(int stage) const override {
    return task_.Assemble(stage);
  }
  absl::StatusOr<LossTerms> Loss(int stage, const BayesPflModel& model, const LabelledBatch& batch,
                                 const StepDraws& draws) const override {
    steps.push_back(draws);
    return task_.Loss(stage, model, batch, draws);
  }

  mutable std::vector<StepDraws> steps;

 private:
  const StagesTask task_;
};

// Follows a run from epoch to epoch.
class Watch final : public TrainingObserver {
 public:
  explicit Watch(TinyRun& run) : run_(run) {}

  void OnResume(const TrainingState& state) override { optimiser = CopyOf(state.optimiser); }
  void OnStep(const StepReport& step) override { steps.push_back(step); }
  void OnEpoch(const EpochRecord& epoch) override {
    if (epoch.kept) {
      // The parameters are still those that were judged.
      const uint64_t key =
          DrawKey(run_.options().seed, DrawPurpose::kValidation, static_cast<uint64_t>(epoch.epoch - 1));
      const auto judged = run_.Judge(epoch.stage, key);
      ASSERT_TRUE(judged.ok()) << judged.status();
      EXPECT_EQ(epoch.validation, *judged) << epoch.epoch;
      best = CopyOf(run_.parameters());
    } else {
      after_the_worse = CopyOf(run_.parameters());
    }
    epochs.push_back(epoch);
  }
  bool ShouldStop() override { return stop_in_stage_2 && !steps.empty() && steps.back().stage == 2; }

  bool stop_in_stage_2 = false;
  TensorMap optimiser;  // of the state that was gone on from
  TensorMap best;
  TensorMap after_the_worse;  // of the epoch that was
  std::vector<StepReport> steps;
  std::vector<EpochRecord> epochs;

 private:
  TinyRun& run_;
};

class TrainerStagesTest : public ::testing::Test {
 protected:
  TrainerStagesTest() {
    torch::set_num_threads(1);
    // Without patience the first epoch that is worse ends its stage.
    run_.options().course = {.epochs = 30, .patience = 0};
  }

  const testing::TemporaryFolder folder_;
  TinyRun run_{folder_.File("state")};
};

TEST_F(TrainerStagesTest, EveryStepDrawsItsOwnNoiseAndPrompt) {
  run_.options().course = {.epochs = 6, .patience = 30};
  const Recording task(run_.Task());
  Watch watch(run_);
  ASSERT_TRUE(run_.Run(task, watch).ok());
  ASSERT_EQ(task.steps.size(), 18);
  std::set<int64_t> prompts;
  for (size_t step = 0; step < task.steps.size(); ++step) {
    const StepNoise& noise = task.steps[step].noise;
    const StepNoise expected =
        DrawStepNoise(run_.options().seed, step, noise.context.size(0), task.config().embed_dim, torch::kCPU);
    EXPECT_TRUE(torch::equal(noise.context, expected.context)) << step;
    EXPECT_TRUE(torch::equal(noise.normal, expected.normal)) << step;
    EXPECT_TRUE(torch::equal(noise.abnormal, expected.abnormal)) << step;
    EXPECT_EQ(task.steps[step].prompt, DrawPromptIndex(run_.options().seed, step, task.config().prompts)) << step;
    prompts.insert(task.steps[step].prompt);
  }
  EXPECT_EQ(prompts.size(), static_cast<size_t>(task.config().prompts));
}

// Watch compares each kept epoch's scores with those of its own key, R and pictures.
TEST_F(TrainerStagesTest, EpochsAreJudgedWithTheirOwnDraws) {
  run_.options().course = {.epochs = 6, .patience = 30};
  Watch watch(run_);
  ASSERT_TRUE(run_.Run(watch).ok());
  EXPECT_GT(
      std::count_if(watch.epochs.begin(), watch.epochs.end(), [](const EpochRecord& epoch) { return epoch.kept; }), 1);
}

TEST_F(TrainerStagesTest, RatesFollowTheScheduleInStageOneAndStayInStageTwo) {
  Watch watch(run_);
  ASSERT_TRUE(run_.Run(watch).ok());
  int in_stage_2 = 0;
  for (const StepReport& step : watch.steps) {
    EXPECT_EQ(step.rate_factor, step.stage == 2 ? 1 : LearningRateFactor(step.step - 1, 90)) << step.step;
    in_stage_2 += step.stage == 2 ? 1 : 0;
  }
  EXPECT_GT(in_stage_2, 0) << "no epoch was worse than the best: the test needs another seed";
  EXPECT_LT(in_stage_2, static_cast<int>(watch.steps.size()));
}

TEST_F(TrainerStagesTest, StageTwoBeginsWithTheBestWeightsOfStageOneAndAFreshOptimiser) {
  Watch watch(run_);
  watch.stop_in_stage_2 = true;
  ASSERT_TRUE(run_.Run(watch).ok());
  ASSERT_EQ(watch.steps.back().stage, 2) << "no epoch was worse than the best: the test needs another seed";
  for (const auto& [name, tensor] : watch.best) {
    EXPECT_TRUE(torch::equal(watch.after_the_worse.at(name), tensor)) << name;
  }
  TinyRun later(folder_.File("state"));
  later.options() = run_.options();
  Watch resumed(later);
  resumed.stop_in_stage_2 = true;
  ASSERT_TRUE(later.Run(resumed).ok());
  int counted = 0;
  for (const auto& [name, tensor] : resumed.optimiser) {
    if (!absl::EndsWith(name, "/steps")) continue;
    EXPECT_EQ(tensor.item<int64_t>(), 1) << name;
    ++counted;
  }
  EXPECT_GT(counted, 0);
}

TEST_F(TrainerStagesTest, TheResultIsTheBestEpochOfTheLastStage) {
  Watch watch(run_);
  const auto result = run_.Run(watch);
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_TRUE(result->finished);
  ASSERT_FALSE(watch.epochs.back().kept) << "the last epoch was the best: the test needs another seed";
  EXPECT_EQ(result->stage, 2);
  for (const auto& [name, tensor] : watch.best) EXPECT_TRUE(torch::equal(result->weights.at(name), tensor)) << name;
}

}  // namespace
}  // namespace bayespfl
