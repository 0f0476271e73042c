// Whole runs of the tiny model.

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/libtorch.h"
#include "model/training/parameters.h"
#include "model/training/trainer.h"
#include "tests/model/training/tiny_run.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl {
namespace {

using testing::TemporaryFolder;
using testing::TinyRun;

// Keeps what it hears, and stops after so many steps of this process.
class Listener final : public TrainingObserver {
 public:
  explicit Listener(size_t stop_after = std::numeric_limits<size_t>::max()) : stop_after_(stop_after) {}

  void OnResume(const TrainingState& state) override { resumed_at = state.step; }
  void OnStep(const StepReport& step) override { steps.push_back(step); }
  void OnEpoch(const EpochRecord& epoch) override { epochs.push_back(epoch); }
  bool ShouldStop() override { return steps.size() >= stop_after_; }

  int64_t resumed_at = -1;
  std::vector<StepReport> steps;
  std::vector<EpochRecord> epochs;

 private:
  const size_t stop_after_;
};

TrainingResult MustRun(TinyRun& run, TrainingObserver& observer) {
  absl::StatusOr<TrainingResult> result = run.Run(observer);
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? *std::move(result) : TrainingResult();
}

void ExpectSameBits(const TensorMap& actual, const TensorMap& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (const auto& [name, tensor] : expected) EXPECT_TRUE(torch::equal(actual.at(name), tensor)) << name;
}

class TrainerTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { torch::set_num_threads(1); }

  TemporaryFolder folder_;
};

TEST_F(TrainerTest, EveryEpochSeesEveryPictureAndAnEndComes) {
  TinyRun run(folder_.File("state"));
  Listener listener;
  const TrainingResult result = MustRun(run, listener);
  EXPECT_TRUE(result.finished);
  ASSERT_EQ(listener.epochs.size(), 4);
  EXPECT_EQ(listener.epochs, result.history);
  ASSERT_EQ(listener.steps.size(), 4 * 3);
  for (size_t i = 0; i < listener.steps.size(); ++i) {
    EXPECT_EQ(listener.steps[i].step, static_cast<int64_t>(i) + 1);
    EXPECT_EQ(listener.steps[i].pictures, i % 3 == 2 ? 1 : 2);
    EXPECT_EQ(listener.steps[i].batches, 3);
  }
}

TEST_F(TrainerTest, LearnsWhatItIsShown) {
  TinyRun run(folder_.File("state"));
  run.options().course = {.epochs = 40, .patience = 40};
  Listener listener;
  MustRun(run, listener);
  // One epoch's loss moves by a quarter with its draws; the mean of ten of them says more.
  const auto mean_of = [&](size_t first) {
    double sum = 0;
    for (size_t i = first; i < first + 10; ++i) sum += listener.epochs[i].loss.total;
    return sum / 10;
  };
  ASSERT_EQ(listener.epochs.size(), 40);
  EXPECT_LT(mean_of(30), mean_of(0) - 0.2);
}

TEST_F(TrainerTest, AStoppedRunGoesOnToTheSameBits) {
  TinyRun whole(folder_.File("whole"));
  Listener to_the_end;
  const TrainingResult expected = MustRun(whole, to_the_end);
  // In the middle of an epoch, at its end, and in the last one.
  for (const size_t stop : {1, 2, 3, 11}) {
    const std::string state = folder_.File(absl::StrCat("stopped", stop));
    TinyRun first(state);
    Listener stopping(stop);
    EXPECT_FALSE(MustRun(first, stopping).finished);
    TinyRun second(state);
    Listener rest;
    const TrainingResult result = MustRun(second, rest);
    EXPECT_EQ(rest.resumed_at, static_cast<int64_t>(stop));
    EXPECT_EQ(result.history, expected.history);
    ExpectSameBits(result.weights, expected.weights);
  }
}

TEST_F(TrainerTest, AStopWithinAValidationKeepsTheEpochsWork) {
  // Asked once after each of the three steps, then within the validation.
  class StopsAtTheFourthQuestion final : public TrainingObserver {
   public:
    bool ShouldStop() override { return ++asked_ == 4; }

   private:
    int asked_ = 0;
  };
  TinyRun whole(folder_.File("whole"));
  Listener to_the_end;
  const TrainingResult expected = MustRun(whole, to_the_end);
  TinyRun first(folder_.File("state"));
  StopsAtTheFourthQuestion stopping;
  EXPECT_FALSE(MustRun(first, stopping).finished);

  TinyRun second(folder_.File("state"));
  Listener rest;
  const TrainingResult result = MustRun(second, rest);
  EXPECT_EQ(rest.resumed_at, 3);
  EXPECT_EQ(rest.steps.front().step, 4);
  EXPECT_EQ(result.history, expected.history);
  ExpectSameBits(result.weights, expected.weights);
}

// Killed in between, the next run validates again and tells it again; the other way round nobody would hear of it.
TEST_F(TrainerTest, AnEpochIsToldBeforeItIsSaved) {
  class Looking final : public TrainingObserver {
   public:
    explicit Looking(const std::filesystem::path& states) : states_(states) {}
    void OnEpoch(const EpochRecord& epoch) override {
      ++epochs;
      int64_t validated = 0;
      for (const auto& state : std::filesystem::directory_iterator(states_)) {
        if (state.path().extension() == ".validated") ++validated;
      }
      EXPECT_EQ(validated, epoch.epoch - 1);
    }
    int64_t epochs = 0;

   private:
    const std::filesystem::path states_;
  };
  TinyRun run(folder_.File("state"));
  run.options().kept_states = 1000;
  Looking observer(folder_.File("state"));

  MustRun(run, observer);

  EXPECT_GT(observer.epochs, 1);
}

TEST_F(TrainerTest, AFinishedRunHasNothingLeftToDo) {
  TinyRun first(folder_.File("state"));
  Listener to_the_end;
  const TrainingResult expected = MustRun(first, to_the_end);
  TinyRun second(folder_.File("state"));
  Listener nothing;
  const TrainingResult result = MustRun(second, nothing);
  EXPECT_THAT(nothing.steps, ::testing::IsEmpty());
  EXPECT_TRUE(result.finished);
  ExpectSameBits(result.weights, expected.weights);
}

TEST_F(TrainerTest, AnotherSeedTrainsAnotherModel) {
  TinyRun one(folder_.File("one"));
  TinyRun other(folder_.File("other"));
  other.options().seed = 8;
  Listener stop_one(2);
  Listener stop_other(2);
  MustRun(one, stop_one);
  MustRun(other, stop_other);
  EXPECT_FALSE(torch::equal(one.parameters().at("prompt_context"), other.parameters().at("prompt_context")));
}

TEST_F(TrainerTest, TheFirstStepMovesNothing) {
  TinyRun run(folder_.File("state"));
  run.options().course.epochs = 30;  // 90 steps, of which 9 warm up
  const TensorMap before = CopyOf(run.parameters());
  Listener listener(1);
  MustRun(run, listener);
  ExpectSameBits(CopyOf(run.parameters()), before);
}

// What moves while only stage 2 trains, which begins after the first epoch that is worse than the best.
TEST_F(TrainerTest, StageTwoMovesTheImageModulesAlone) {
  TinyRun run(folder_.File("state"));
  run.options().course = {.epochs = 30, .patience = 0};
  class Watch final : public TrainingObserver {
   public:
    explicit Watch(const TensorMap& parameters) : parameters_(parameters) {}
    void OnStep(const StepReport& step) override {
      if (step.stage == 2 && after_one_step.empty()) after_one_step = CopyOf(parameters_);
      last_stage = step.stage;
      steps_of_stage_2 += step.stage == 2 ? 1 : 0;
    }
    bool ShouldStop() override { return steps_of_stage_2 == 2; }
    TensorMap after_one_step;
    int last_stage = 0;
    int steps_of_stage_2 = 0;

   private:
    const TensorMap& parameters_;
  } watch(run.parameters());
  MustRun(run, watch);
  ASSERT_EQ(watch.last_stage, 2) << "no epoch was worse than the best: the test needs another seed";
  std::set<std::string> moved;
  for (const auto& [name, tensor] : run.parameters()) {
    if (!torch::equal(tensor, watch.after_one_step.at(name))) moved.insert(name.substr(0, name.find('.')));
  }
  EXPECT_THAT(moved, ::testing::ElementsAre("class_mapping", "fuse", "image_mapping"));
}

TEST_F(TrainerTest, AStateOfAnotherRunIsRefused) {
  TinyRun first(folder_.File("state"));
  Listener stopping(1);
  MustRun(first, stopping);
  TinyRun second(folder_.File("state"));
  second.options().batch_size = 3;
  Listener rest;
  const auto result = second.Run(rest);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(result.status().message()), ::testing::HasSubstr("another run"));
}

TEST_F(TrainerTest, ALossThatIsNoNumberEndsTheRun) {
  TinyRun run(folder_.File("state"));
  {
    const torch::NoGradGuard no_grad;
    run.parameters().at("prompt_context").fill_(std::nanf(""));
  }
  Listener listener;
  const auto result = run.Run(listener);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(result.status().message()), ::testing::HasSubstr("step 1"));
}

TEST_F(TrainerTest, AFolderThatCannotBeMadeIsSaid) {
  folder_.Write("file", "in the way");
  TinyRun run(folder_.File("file/state"));
  Listener listener;
  EXPECT_THAT(std::string(run.Run(listener).status().message()), ::testing::HasSubstr("file/state"));
}

}  // namespace
}  // namespace bayespfl
