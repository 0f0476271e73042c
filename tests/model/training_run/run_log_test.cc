#include "model/training_run/run_log.h"

#include <filesystem>
#include <sstream>
#include <string>

#include "absl/time/time.h"
#include "base/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

StepReport Step(int64_t step, int64_t batch) {
  return {
      .step = step, .epoch = 1, .batch = batch, .batches = 2, .pictures = 8, .rate_factor = 1, .loss = {.total = 5}};
}

EpochRecord Epoch() {
  return {.epoch = 1, .loss = {.total = 4}, .validation = {.pixel_ap = 0.25, .image_ap = 0.5}, .kept = true};
}

class RunLogTest : public ::testing::Test {
 protected:
  RunLogOptions Options() {
    return {.folder = folder_.path(), .epochs = 3, .text = &text_, .now = [this] { return now_; }};
  }

  const testing::TemporaryFolder folder_;
  std::ostringstream text_;
  absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
};

TEST_F(RunLogTest, AnEpochIsALineWithItsScoresItsSpeedAndTheTimeLeft) {
  RunLog log(Options());
  now_ += absl::Seconds(20);
  log.OnStep(Step(1, 1));
  now_ += absl::Seconds(20);
  log.OnStep(Step(2, 2));
  now_ += absl::Seconds(40);

  log.OnEpoch(Epoch());

  EXPECT_EQ(text_.str(),
            "epoch 1, stage 1: loss 4.0000, pixel AP 25.00 %, image AP 50.00 %, best so far; 0.2 pictures/s with "
            "validation, 3 min left at most\n");
}

TEST_F(RunLogTest, TheTimeLeftIsThatOfWholeEpochsAlsoAfterAPart) {
  RunLog log(Options());
  log.OnResume({.step = 1, .batch = 1});
  now_ += absl::Minutes(10);
  log.OnStep(Step(2, 2));
  now_ += absl::Minutes(5);
  text_.str("");

  log.OnEpoch(Epoch());

  // Two more epochs of two steps of 10 minutes and a validation of 5.
  EXPECT_THAT(text_.str(), HasSubstr(", 51 min left at most"));
}

TEST_F(RunLogTest, AnEpochOfWhichOnlyTheValidationWasLeftHasNoSpeed) {
  RunLog log(Options());
  log.OnResume({.step = 2, .batch = 2});
  now_ += absl::Minutes(5);
  text_.str("");

  log.OnEpoch(Epoch());

  EXPECT_EQ(text_.str(), "epoch 1, stage 1: loss 4.0000, pixel AP 25.00 %, image AP 50.00 %, best so far\n");
}

TEST_F(RunLogTest, ALongEpochSaysEachMinuteHowFarItIs) {
  RunLog log(Options());
  now_ += absl::Seconds(59);
  log.OnStep(Step(1, 1));
  EXPECT_EQ(text_.str(), "");
  now_ += absl::Seconds(21);

  log.OnStep(Step(2, 2));

  EXPECT_EQ(text_.str(), "epoch 1: step 2 of 2, loss 5.0000; 0.2 pictures/s\n");
}

TEST_F(RunLogTest, LeavesARowForEachStepAndEachEpoch) {
  RunLog log(Options());
  log.OnStep(Step(1, 1));
  log.OnStep(Step(2, 2));
  log.OnEpoch(Epoch());

  EXPECT_THAT(folder_.Read("steps.csv"), HasSubstr("\n1,1,1,1,5,0,0,0,0,0,0,0,0\n2,1,1,1,5,"));
  EXPECT_THAT(folder_.Read("epochs.csv"), HasSubstr("\n1,1,4,0,0,0,0,0,0,0,0,0.25,0.5,1\n"));
  EXPECT_TRUE(log.status().ok());
  EXPECT_FALSE(log.ShouldStop());
}

TEST_F(RunLogTest, ARunThatGoesOnWritesItsTablesOn) {
  folder_.Write(
      "steps.csv",
      "step,epoch,stage,rate_factor,total,cross_entropy,focal,dice,kl,orthogonality,auxiliary,captions,distillation\n"
      "1,1,1,1,5,0,0,0,0,0,0,0,0\n2,1,1,1,9,0,0,0,0,0,0,0,0\n");
  RunLog log(Options());
  TrainingState state;
  state.step = 1;

  log.OnResume(state);
  log.OnStep(Step(2, 2));

  EXPECT_THAT(folder_.Read("steps.csv"),
              ::testing::EndsWith("\n1,1,1,1,5,0,0,0,0,0,0,0,0\n2,1,1,1,5,0,0,0,0,0,0,0,0\n"));
  EXPECT_THAT(text_.str(), StartsWith("goes on after step 1, in epoch 1 (stage 1)\n"));
}

TEST_F(RunLogTest, AnEpochThatWasWrittenAndNotSavedGoesWithTheNextRun) {
  RunLog killed(Options());
  killed.OnStep(Step(2, 2));
  killed.OnEpoch(Epoch());
  killed.OnEpoch(Epoch());
  RunLog log(Options());

  log.OnResume({.step = 2, .course = {.epochs = 1}, .history = {Epoch()}});

  EXPECT_EQ(folder_.Read("epochs.csv"), EpochsCsv({Epoch()}));
}

TEST_F(RunLogTest, AFinishedRunSaysSo) {
  RunLog log(Options());

  log.OnResume({.step = 2, .course = {.epochs = 1, .finished = true}, .history = {Epoch()}});

  EXPECT_EQ(text_.str(), "finished already, after 1 epoch\n");
  EXPECT_FALSE(std::filesystem::exists(folder_.File("steps.csv")));
}

TEST_F(RunLogTest, ARunWhoseTablesCannotBeWrittenStops) {
  RunLogOptions options = Options();
  options.folder = folder_.File("nowhere") + "/\nabove/";
  std::filesystem::create_directories(folder_.path());
  folder_.Write("nowhere", "a file");
  RunLog log(options);

  log.OnStep(Step(1, 1));

  EXPECT_TRUE(log.ShouldStop());
  EXPECT_FALSE(log.status().ok());
}

}  // namespace
}  // namespace bayespfl
