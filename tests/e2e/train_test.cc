// `bayespfl-model train` with the real program: from pictures to a package that inspects, whatever stops it meanwhile.

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/sha256.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/process.h"
#include "tests/support/file_size_limit.h"
#include "tests/support/paths.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl {
namespace {

namespace fs = std::filesystem;
using testing::Background;
using testing::Eventually;
using testing::Finished;
using ::testing::HasSubstr;
using testing::RunProgram;

class TrainTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(RunProgram("bayespfl-model", {"init", "--arch", "tiny", "--output", folder_.File("start")}).exit_code, 0);
    Synthesize("learn", "disc,plate", "1");
    Synthesize("judge", "leather", "2");
  }

  void Synthesize(const std::string& name, const std::string& families, const std::string& seed) const {
    const Finished made =
        RunProgram("bayespfl-model", {"synthesize", "--output", folder_.File(name), "--families", families, "--good",
                                      "3", "--anomalous", "3", "--side", "96", "--seed", seed});
    ASSERT_EQ(made.exit_code, 0) << made.err;
  }

  // The configuration of a run with folders of its own; returns its file.
  std::string Configure(const std::string& run, int epochs = 3) const {
    return folder_.Write(absl::StrCat(run, ".yaml"),
                         absl::StrCat("model: start\noutput: ", run,
                                      "\ntraining: [{path: learn}]\nvalidation: [{path: judge}]\nbatch_size: 2\n"
                                      "epochs: ",
                                      epochs,
                                      "\npatience: 3\nsamples: 2\naugment: frozen\nvariants: 2\nsave_steps: 1\n"
                                      "report_pictures: 2\nthreads: 1\ncache: features-",
                                      run, "\n"));
  }

  // The last step whose state is saved; 0: none.
  int64_t SavedStep(const std::string& run) const {
    int64_t last = 0;
    std::error_code nowhere;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder_.File(run + "/state"), nowhere)) {
      int64_t step = 0;
      const std::string name = entry.path().filename();  // "step-000000000007", "step-000000000008.validated"
      if (absl::StartsWith(name, "step-") && absl::SimpleAtoi(name.substr(5, 12), &step)) last = std::max(last, step);
    }
    return last;
  }

  static Finished Train(const std::string& config) {
    return RunProgram("bayespfl-model", {"train", "--config", config});
  }
  std::string WeightsOf(const std::string& run) const { return folder_.Read(run + "/model/bayespfl.safetensors"); }

  const testing::TemporaryFolder folder_;
};

TEST_F(TrainTest, ATrainedPackageInspectsAndSaysWhereItIsFrom) {
  const Finished train = Train(Configure("run"));

  ASSERT_EQ(train.exit_code, 0) << train.err;
  EXPECT_THAT(train.err, HasSubstr("training: 6 normal and 6 anomalous pictures, 0 left out\n"));
  EXPECT_THAT(train.err, HasSubstr("\nepoch 3, stage "));
  const std::string model = folder_.File("run/model");
  EXPECT_EQ(RunProgram("bayespfl-model", {"verify", model}).exit_code, 0);
  const Finished inspect = RunProgram("bayespfl-model", {"inspect", "--model", model, "--category", "leather",
                                                         testing::Asset("demo/images/leather/good_0.jpg")});
  EXPECT_EQ(inspect.exit_code, 0) << inspect.err;
  EXPECT_THAT(folder_.Read("run/report.html"), HasSubstr("What the trained model sees"));
  const std::string config = folder_.Read("run/model/config.json");
  for (const char* const name : {"training", "validation"}) {
    const std::string list = absl::StrCat("run/model/", name, "_data.jsonl");
    EXPECT_THAT(folder_.Read(list), HasSubstr("\"sha256\""));
    EXPECT_THAT(config, HasSubstr(absl::StrCat("\"", name, "_data_digest\": \"", *Sha256OfFile(folder_.File(list)))));
  }
  for (const char* const said :
       {"\"made_by\": \"bayespfl-model train ", "\"program_digest\": \"", "\"started_from\": \"", "\"seed\": \"0\"",
        "\"epochs\": \"3 of at most 3\"", "\"augment\": \"frozen, variants 2\"", "\"cache_type\": \"fp16\"",
        "\"start.made_by\": \"bayespfl-model init "}) {
    EXPECT_THAT(config, HasSubstr(said));
  }
}

TEST_F(TrainTest, ARunThatIsKilledAgainAndAgainEndsWithTheSameBits) {
  constexpr int kEpochs = 8;  // of six steps
  ASSERT_EQ(Train(Configure("whole", kEpochs)).exit_code, 0);
  const std::string config = Configure("killed", kEpochs);

  for (const int64_t step : {1, 9, 20}) {
    const Background run("bayespfl-model", {"train", "--config", config});
    ASSERT_TRUE(Eventually([&] { return SavedStep("killed") >= step; }));
    run.Send(SIGKILL);
  }
  const Finished last = Train(config);

  ASSERT_EQ(last.exit_code, 0) << last.err;
  EXPECT_THAT(last.err, HasSubstr("goes on after step "));
  EXPECT_EQ(WeightsOf("killed"), WeightsOf("whole"));
  EXPECT_EQ(folder_.Read("killed/steps.csv"), folder_.Read("whole/steps.csv"));
  EXPECT_EQ(folder_.Read("killed/epochs.csv"), folder_.Read("whole/epochs.csv"));
}

// From random weights to a package that inspects, which the paper's stages then start from.
TEST_F(TrainTest, TowersLearnFromNothingAndTheStagesGoOnFromThem) {
  const std::string towers = folder_.Write(
      "towers.yaml",
      "model: start\nmode: towers\noutput: towers\nname: of-our-own\nimage_size: 42\ntraining: [{path: learn}]\n"
      "validation: [{path: judge}]\nbatch_size: 4\nepochs: 2\nsamples: 2\nreport_pictures: 2\nthreads: 1\n");
  const Finished plan = RunProgram("bayespfl-model", {"train", "--dry-run", "--config", towers});
  EXPECT_EQ(plan.exit_code, 0) << plan.err;
  EXPECT_THAT(plan.out, HasSubstr("would cache  nothing"));

  const Finished train = Train(towers);

  ASSERT_EQ(train.exit_code, 0) << train.err;
  EXPECT_THAT(train.err, HasSubstr("\nepoch 2, stage 0: loss "));
  EXPECT_EQ(RunProgram("bayespfl-model", {"verify", folder_.File("towers/model")}).exit_code, 0);
  EXPECT_NE(folder_.Read("towers/model/clip.safetensors"), folder_.Read("start/clip.safetensors"));
  const std::string config = folder_.Read("towers/model/config.json");
  EXPECT_THAT(config, HasSubstr("\"mode\": \"towers\""));
  EXPECT_THAT(config, HasSubstr("\"image_size\": 42"));
  EXPECT_THAT(folder_.Read("towers/report.html"), HasSubstr("Of the towers"));
  EXPECT_THAT(folder_.Read("towers/steps.csv"), HasSubstr(",auxiliary,captions,distillation\n"));

  const std::string stages = folder_.Write(
      "stages.yaml",
      "model: towers/model\noutput: stages\ntraining: [{path: learn}]\nvalidation: [{path: judge}]\nbatch_size: 4\n"
      "epochs: 1\nsamples: 2\naugment: none\nreport_pictures: 0\nthreads: 1\n");
  const Finished second = Train(stages);
  ASSERT_EQ(second.exit_code, 0) << second.err;
  EXPECT_EQ(folder_.Read("stages/model/clip.safetensors"), folder_.Read("towers/model/clip.safetensors"));
}

TEST_F(TrainTest, APictureSideThatIsNoMultipleOfAPatchIsRefused) {
  const std::string config = folder_.Write("bad.yaml",
                                           "model: start\nmode: towers\nimage_size: 43\noutput: run\ntraining: [{path: "
                                           "learn}]\nvalidation: [{path: judge}]\n");

  const Finished train = Train(config);

  EXPECT_EQ(train.exit_code, 1);
  EXPECT_THAT(train.err, HasSubstr("image_size 43 is no multiple of the model's patches of 14 pixels"));
}

TEST_F(TrainTest, ATeacherThatIsNoModuleIsRefusedByItsName) {
  folder_.Write("teacher.pt", "nothing");
  const std::string config = folder_.Write("bad.yaml",
                                           "model: start\nmode: towers\nteacher: teacher.pt\noutput: run\ntraining: "
                                           "[{path: learn}]\nvalidation: [{path: judge}]\n");

  const Finished train = Train(config);

  EXPECT_EQ(train.exit_code, 1);
  EXPECT_THAT(train.err, HasSubstr("teacher.pt is no TorchScript module: "));
}

TEST_F(TrainTest, ASignalStopsItWithItsStateSaved) {
  const std::string config = Configure("run", 10'000);
  Background run("bayespfl-model", {"train", "--config", config});
  ASSERT_TRUE(Eventually([&] { return SavedStep("run") >= 1; }));

  const int exit_code = run.Terminate();

  EXPECT_EQ(exit_code, 3);
  EXPECT_FALSE(fs::exists(folder_.File("run/model")));
  EXPECT_GE(SavedStep("run"), 1);
}

TEST_F(TrainTest, AFullDiskEndsItWithASentenceAndWithAStateToGoOnFrom) {
  constexpr int kEpochs = 8;
  ASSERT_EQ(Train(Configure("whole", kEpochs)).exit_code, 0);
  const std::string config = Configure("run", kEpochs);
  Background first("bayespfl-model", {"train", "--config", config});
  ASSERT_TRUE(Eventually([&] { return SavedStep("run") >= 2; }));
  ASSERT_EQ(first.Terminate(), 3);
  const int64_t saved = SavedStep("run");

  Finished full;
  {
    const testing::FileSizeLimit limit(64 << 10);  // the tables fit, a state does not
    full = Train(config);
  }
  EXPECT_EQ(full.exit_code, 1);
  EXPECT_THAT(full.err, HasSubstr(folder_.File("run/state")));
  EXPECT_EQ(SavedStep("run"), saved);
  EXPECT_FALSE(fs::exists(folder_.File("run/model")));

  const Finished last = Train(config);
  ASSERT_EQ(last.exit_code, 0) << last.err;
  EXPECT_EQ(WeightsOf("run"), WeightsOf("whole"));
  EXPECT_EQ(folder_.Read("run/steps.csv"), folder_.Read("whole/steps.csv"));
}

TEST_F(TrainTest, ADryRunSaysWhatItWouldTakeAndMakesNothing) {
  const Finished plan = RunProgram("bayespfl-model", {"train", "--dry-run", "--config", Configure("run")});

  EXPECT_EQ(plan.exit_code, 0) << plan.err;
  EXPECT_THAT(plan.out, HasSubstr("would read   12 pictures to learn from (6 anomalous), 6 to validate with"));
  EXPECT_THAT(plan.out,
              HasSubstr("would cache  the features of 30 pictures, 0.2 MB, of which 0.0 MB are there already"));
  // Each variant is new once.
  EXPECT_THAT(plan.out,
              ::testing::ContainsRegex("would cost   .* for each of the first 2 epochs, .* for all 3 \\(6 steps"));
  EXPECT_FALSE(fs::exists(folder_.File("run")));
  EXPECT_FALSE(fs::exists(folder_.File("features-run")));
}

TEST_F(TrainTest, ASetWithoutDefectsIsAnErrorThatNamesIt) {
  fs::remove_all(folder_.File("learn/disc/test"));
  fs::create_directories(folder_.File("learn/disc/test"));
  fs::copy(folder_.File("learn/plate/test/good"), folder_.File("learn/disc/test/good"));
  const std::string config = folder_.Write(
      "bad.yaml",
      "model: start\noutput: run\ntraining: [{path: learn, categories: [disc]}]\nvalidation: [{path: judge}]\n");

  const Finished train = Train(config);

  EXPECT_EQ(train.exit_code, 1);
  EXPECT_THAT(train.err, HasSubstr("bayespfl-model: training: "));
  EXPECT_THAT(train.err, HasSubstr("learn"));
}

TEST_F(TrainTest, ADamagedPictureIsLeftOutAndCounted) {
  const fs::path picture = fs::directory_iterator(folder_.File("learn/disc/test/good"))->path();
  fs::resize_file(picture, 40);

  const Finished plan = RunProgram("bayespfl-model", {"train", "--dry-run", "--config", Configure("run")});

  EXPECT_EQ(plan.exit_code, 0) << plan.err;
  EXPECT_THAT(plan.err, HasSubstr("left out: learn: disc/test/good/"));
  EXPECT_THAT(plan.out,
              HasSubstr("would read   11 pictures to learn from (6 anomalous), 6 to validate with; 1 are left out"));
}

}  // namespace
}  // namespace bayespfl
