// From weight files to a package that answers, with the real program.

#include <sched.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/process.h"
#include "tests/support/demo_model.h"
#include "tests/support/paths.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl {
namespace {

namespace fs = std::filesystem;
using ::testing::ContainsRegex;
using testing::Finished;
using ::testing::HasSubstr;
using testing::RunProgram;

const std::string kTiny = testing::TestData("tiny");

class ModelToolTest : public ::testing::Test {
 protected:
  std::string Path(const std::string& name) const { return folder_ / name; }

  const testing::TemporaryFolder temporary_;
  const fs::path folder_ = temporary_.path();
};

TEST_F(ModelToolTest, ConvertsVerifiesAndInspects) {
  const Finished convert =
      RunProgram("bayespfl-model", {"convert", "--clip", kTiny + "/clip_jit.pt", "--weights", kTiny + "/train.pth",
                                    "--vision-heads", "4", "--text-heads", "4", "--image-size", "56", "--layers",
                                    "2,4,6,8", "--precision", "fp32", "--output", Path("model")});
  ASSERT_EQ(convert.exit_code, 0) << convert.err;
  const Finished verify = RunProgram("bayespfl-model", {"verify", Path("model")});
  EXPECT_EQ(verify.exit_code, 0) << verify.err;
  EXPECT_THAT(verify.out, HasSubstr("158 + 131 tensors"));
  const Finished inspect = RunProgram("bayespfl-model", {"inspect", "--model", Path("model"), "--category", "metal_nut",
                                                         testing::Asset("demo/images/leather/good_0.jpg")});
  EXPECT_EQ(inspect.exit_code, 0) << inspect.err;
  EXPECT_THAT(inspect.out, HasSubstr("\"score\""));
}

TEST_F(ModelToolTest, ReplaysALineThatInspectPrinted) {
  const std::string hole = testing::Asset("demo/images/leather/hole_0.jpg");
  const std::string good = testing::Asset("demo/images/leather/good_0.jpg");
  const Finished inspect =
      RunProgram("bayespfl-model", {"inspect", "--model", testing::kDemoModel, "--category", "leather", "--samples",
                                    "2", "--seed", "5", "--object", "leather", hole});
  ASSERT_EQ(inspect.exit_code, 0) << inspect.err;
  ASSERT_TRUE(WriteFile(Path("line.json"), inspect.out).ok());
  const auto replay = [&](const std::string& picture) {
    return RunProgram("bayespfl-model", {"replay", Path("line.json"), picture, "--model", testing::kDemoModel});
  };

  const Finished same = replay(hole);
  const Finished other = replay(good);

  EXPECT_EQ(same.exit_code, 0) << same.err;
  EXPECT_THAT(same.out, HasSubstr(": equal to the bit\n"));
  EXPECT_EQ(other.exit_code, 2) << other.err;
  EXPECT_THAT(other.out, HasSubstr("the picture is not the recorded one"));
  EXPECT_EQ(replay(Path("nothing")).exit_code, 1);
}

TEST_F(ModelToolTest, ResultsBesideThePicturesAreNotInspectedAgain) {
  fs::create_directories(Path("io"));
  fs::copy_file(testing::Asset("demo/images/leather/good_0.jpg"), Path("io/good.jpg"));
  fs::copy_file(testing::Asset("demo/images/leather/hole_0.jpg"), Path("io/._good.jpg"));
  std::string said;
  for (int run = 0; run < 3; ++run) {
    const Finished inspect =
        RunProgram("bayespfl-model", {"inspect", "--model", testing::kDemoModel, "--category", "leather", "--samples",
                                      "1", "--json", "--output", Path("io"), Path("io")});
    ASSERT_EQ(inspect.exit_code, 0) << inspect.err;
    EXPECT_EQ(std::count(inspect.out.begin(), inspect.out.end(), '\n'), 1) << inspect.out;
    said = inspect.err;
  }
  EXPECT_THAT(said, HasSubstr("3 files left out: 1 hidden, 2 results of inspections"));
  EXPECT_THAT(said, HasSubstr("computes on cpu"));
}

TEST_F(ModelToolTest, ASeedIsEitherGivenOrRandom) {
  const Finished inspect =
      RunProgram("bayespfl-model", {"inspect", "--model", testing::kDemoModel, "--category", "leather", "--seed", "5",
                                    "--random-seed", testing::Asset("demo/images/leather/hole_0.jpg")});
  EXPECT_EQ(inspect.exit_code, 1);
  EXPECT_THAT(inspect.err, HasSubstr("--random-seed"));
}

TEST_F(ModelToolTest, ConvertingTakesLittleMoreMemoryThanAFewTensors) {
  const Finished init = RunProgram(
      "bayespfl-model", {"init", "--arch", "vit-b-16", "--seed", "1", "--as-upstream", "--output", Path("upstream")});
  ASSERT_EQ(init.exit_code, 0) << init.err;
  const int64_t at_start = RunProgram("bayespfl-model", {"--version"}).peak_bytes;
  const Finished convert =
      RunProgram("bayespfl-model", {"convert", "--clip", Path("upstream/clip.pt"), "--weights",
                                    Path("upstream/bayespfl.pth"), "--image-size", "384", "--output", Path("model")});
  ASSERT_EQ(convert.exit_code, 0) << convert.err;
  const auto largest_source = static_cast<double>(fs::file_size(Path("upstream/clip.pt")));
  EXPECT_LT(static_cast<double>(convert.peak_bytes - at_start), 1.3 * largest_source);
}

TEST_F(ModelToolTest, EvaluatesADataSetIntoAReport) {
  const std::vector<std::string> arguments = {
      "evaluate",     "--model", testing::kDemoModel, "--dataset", testing::Asset("demo/images/manifest.csv"),
      "--categories", "wood",    "--samples",         "2",         "--report",
      Path("report")};
  const Finished evaluate = RunProgram("bayespfl-model", arguments);

  ASSERT_EQ(evaluate.exit_code, 0) << evaluate.err;
  EXPECT_THAT(evaluate.err, HasSubstr("pictures 3/3 (100 %)"));
  EXPECT_THAT(evaluate.out, HasSubstr("AUROC"));
  EXPECT_TRUE(fs::exists(Path("report/report.html")));
  EXPECT_FALSE(fs::exists(Path("report/.state")));
  const Finished nothing = RunProgram("bayespfl-model", {"evaluate", "--model", testing::kDemoModel, "--dataset",
                                                         Path("nowhere"), "--report", Path("other")});
  EXPECT_EQ(nothing.exit_code, 1);
  EXPECT_THAT(nothing.err, HasSubstr("there is no file or folder"));
}

TEST_F(ModelToolTest, EvaluatesInAnotherPrecisionWithACalibrationOfIt) {
  const std::vector<std::string> evaluate = {
      "evaluate",     "--model",       testing::kDemoModel, "--dataset",   testing::Asset("demo/images/manifest.csv"),
      "--categories", "wood",          "--samples",         "1",           "--report",
      Path("report"), "--calibration", Path("bf16.json"),   "--precision", "bf16"};
  const Finished calibrate =
      RunProgram("bayespfl-model",
                 {"calibrate", "--model", testing::kDemoModel, "--category", "wood", "--calibration", Path("bf16.json"),
                  "--precision", "bf16", "--samples", "1", "--fail-rate", "0.4", "--review-rate", "0.45",
                  testing::Asset("demo/images/wood/good_0.jpg"), testing::Asset("demo/images/leather/good_0.jpg")});
  ASSERT_EQ(calibrate.exit_code, 0) << calibrate.err;

  const Finished run = RunProgram("bayespfl-model", evaluate);

  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.err, HasSubstr("computes on cpu in bf16: "));
  EXPECT_THAT(temporary_.Read("report/report.json"), HasSubstr("\"precision\": \"bf16\""));
}

TEST_F(ModelToolTest, BenchMeasuresWhatItIsAskedForAndRefusesWhatItCannot) {
  const auto bench = [](std::vector<std::string> more) {
    std::vector<std::string> arguments = {"bench", "--model", testing::kDemoModel};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return RunProgram("bayespfl-model", arguments);
  };
  const Finished measured =
      bench({"--batch", "1", "--samples", "1", "--size", "60", "--kernels", "auto,linear=onednn attention=torch",
             "--prompts", "shared", "--repeats", "1", "--json", Path("bench.json")});
  EXPECT_EQ(measured.exit_code, 0) << measured.err;
  EXPECT_THAT(measured.out, HasSubstr("the scores of all forms agree"));
  EXPECT_TRUE(fs::exists(Path("bench.json")));

  const std::vector<std::pair<std::vector<std::string>, std::string>> wrong = {
      {{"--batch", "0"}, "the batch '0' is no whole number from 1 to 64"},
      {{"--samples", "65"}, "the number of samples '65' is no whole number from 1 to 64"},
      {{"--kernels", "fast"}, "'fast' is not"},
      {{"--prompts", "half"}, "'half' is not"},
      {{"--size", "63"}, "cannot take pictures of 63 px a side"},
      {{"--seconds", "soon"}, "--seconds"},
      {{"--repeats", "0"}, "--repeats"},
      {{"--precision", "fp8"}, "expected fp32, bf16, fp16 or int8"},
      {{"--precision", "fp16"}, "fp16 is computed on a GPU alone"}};
  for (const auto& [arguments, reason] : wrong) {
    const Finished refused = bench(arguments);
    EXPECT_EQ(refused.exit_code, 1) << arguments.front();
    EXPECT_THAT(refused.err, HasSubstr(reason));
    EXPECT_EQ(std::count(refused.err.begin(), refused.err.end(), '\n'), 1) << refused.err;
  }
}

TEST_F(ModelToolTest, AFailureIsOneSentenceAndAnExitCode) {
  const Finished convert = RunProgram("bayespfl-model", {"convert", "--clip", kTiny + "/config.json", "--weights",
                                                         kTiny + "/train.pth", "--output", Path("model")});
  EXPECT_EQ(convert.exit_code, 1);
  EXPECT_THAT(convert.err, HasSubstr("config.json cannot be read as a PyTorch file"));
  const Finished verify = RunProgram("bayespfl-model", {"verify", Path("nothing")});
  EXPECT_EQ(verify.exit_code, 1);
  EXPECT_THAT(verify.err, HasSubstr("is not a folder"));
}

TEST_F(ModelToolTest, VerifyListsEveryProblem) {
  fs::copy(kTiny, Path("model"), fs::copy_options::recursive);
  fs::copy(testing::Asset("demo/model/bpe_simple_vocab_16e6.txt.gz"), Path("model"),
           fs::copy_options::overwrite_existing);
  // Bayes-PFL's weights in CLIP's place.
  fs::copy(Path("model/bayespfl.safetensors"), Path("model/clip.safetensors"), fs::copy_options::overwrite_existing);
  const Finished verify = RunProgram("bayespfl-model", {"verify", Path("model")});
  EXPECT_EQ(verify.exit_code, 1);
  EXPECT_THAT(verify.err, HasSubstr("missing: visual.conv1.weight"));
  EXPECT_THAT(verify.err, HasSubstr("left over: prompt_context"));
}

// ---- What computes -------------------------------------------------------------------------------------------------

// A program that runs now may use one processor, and is told to take three threads, as LibTorch does unless the program
// has a number of its own.
class OneProcessor {
 public:
  OneProcessor() {
    EXPECT_EQ(sched_getaffinity(0, sizeof(before_), &before_), 0);
    int first = 0;
    while (!CPU_ISSET(first, &before_)) ++first;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    EXPECT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
    setenv("OMP_NUM_THREADS", "3", 1);
  }
  ~OneProcessor() {
    unsetenv("OMP_NUM_THREADS");
    sched_setaffinity(0, sizeof(before_), &before_);
  }
  OneProcessor(const OneProcessor&) = delete;
  OneProcessor& operator=(const OneProcessor&) = delete;

 private:
  cpu_set_t before_{};
};

class ModelToolThreadsTest : public ModelToolTest {
 protected:
  // Runs it with the embedded model on one processor.
  static Finished Run(std::vector<std::string> arguments) {
    const OneProcessor one;
    arguments.insert(arguments.end(), {"--model", testing::kDemoModel});
    return RunProgram("bayespfl-model", arguments);
  }
  static void ExpectOneThread(const Finished& run) {
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_THAT(run.err, ContainsRegex("computes on cpu: [^\n]* threads=1\n"));
  }

  const std::string good_ = testing::Asset("demo/images/leather/good_0.jpg");
};

TEST_F(ModelToolThreadsTest, InspectTakesTheProcessorsThatItMayUse) {
  ExpectOneThread(Run({"inspect", "--category", "leather", "--samples", "1", good_}));
}

TEST_F(ModelToolThreadsTest, CalibrateTakesTheProcessorsThatItMayUse) {
  ExpectOneThread(
      Run({"calibrate", "--category", "leather", "--calibration", Path("calibration.json"), "--samples", "1",
           "--fail-rate", "0.4", "--review-rate", "0.45", good_, testing::Asset("demo/images/carpet/good_0.jpg")}));
}

TEST_F(ModelToolThreadsTest, EvaluateTakesTheProcessorsThatItMayUse) {
  ExpectOneThread(Run({"evaluate", "--dataset", testing::Asset("demo/images/manifest.csv"), "--categories", "wood",
                       "--samples", "1", "--report", Path("report")}));
}

// Of a line that names its threads it takes as many, by which sums are parted.
TEST_F(ModelToolThreadsTest, ReplayTakesTheProcessorsThatItMayUseOrTheThreadsOfTheLine) {
  constexpr absl::string_view kThreads = " threads=1";
  std::string line = Run({"inspect", "--category", "leather", "--samples", "1", "--json", good_}).out;
  const size_t at = line.find(std::string(kThreads));
  ASSERT_NE(at, std::string::npos) << line;
  ASSERT_TRUE(WriteFile(Path("silent.json"), std::string(line).erase(at, kThreads.size())).ok());
  ASSERT_TRUE(WriteFile(Path("two.json"), line.replace(at, kThreads.size(), " threads=2")).ok());

  ExpectOneThread(Run({"replay", Path("silent.json"), good_}));
  EXPECT_THAT(Run({"replay", Path("two.json"), good_}).err, HasSubstr(" threads=2\n"));
}

}  // namespace
}  // namespace bayespfl
