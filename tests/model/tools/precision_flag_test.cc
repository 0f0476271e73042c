// --precision of the commands that compute: what it refuses, and that it reaches the package.
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/tools/calibrate.h"
#include "model/tools/compute.h"
#include "model/tools/evaluate.h"
#include "model/tools/inspect.h"
#include "model/tools/replay.h"
#include "tests/support/demo_model.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_device.h"

namespace bayespfl {
namespace {

using ::testing::HasSubstr;

const std::string kPicture = testing::Asset("demo/images/leather/good_0.jpg");

struct Command {
  std::function<void(CLI::App&, int&)> add;
  std::vector<std::string> words;  // that it needs beside the flag
};

std::vector<Command> Commands() {
  return {{AddInspectCommand, {"inspect", "--model", testing::kDemoModel, "--category", "leather", kPicture}},
          {AddEvaluateCommand,
           {"evaluate", "--model", testing::kDemoModel, "--dataset", testing::Asset("demo/images/manifest.csv"),
            "--report", "nowhere"}},
          {AddCalibrateCommand, {"calibrate", "--model", testing::kDemoModel, "--category", "leather", kPicture}},
          {AddReplayCommand, {"replay", "line.json", kPicture, "--model", testing::kDemoModel}}};
}

// Parses and, when that succeeds, runs it. Throws what CLI11 does.
int RunCommand(const Command& command, const std::string& precision) {
  CLI::App app;
  int exit_code = -1;
  command.add(app, exit_code);
  std::vector<std::string> words = {absl::StrCat("--device=", testing::TestDevice()), "--precision=" + precision};
  words.insert(words.begin(), command.words.begin(), command.words.end());
  app.parse(std::vector<std::string>(words.rbegin(), words.rend()));  // CLI11 takes them from the back
  return exit_code;
}

TEST(PrecisionFlagTest, EveryCommandRefusesWhatIsNoPrecision) {
  for (const Command& command : Commands()) {
    for (const char* wrong : {"fp8", "BF16", "8", "bf16,int8"}) {
      try {
        RunCommand(command, wrong);
        ADD_FAILURE() << command.words.front() << " took " << wrong;
      } catch (const CLI::ValidationError& error) {
        EXPECT_THAT(error.what(), HasSubstr(absl::StrCat("precision is \"", wrong,
                                                         "\"; expected package, fp32, bf16, fp16 or int8")));
      }
    }
  }
}

// The embedded package's calibration holds for fp32, so that nothing needs to be computed to see which one was asked
// for.
TEST(PrecisionFlagTest, InspectAndEvaluateOpenThePackageInIt) {
  for (const Command& command : {Commands()[0], Commands()[1]}) {
    for (const std::string precision : {"bf16", "fp16", "int8"}) {
      ::testing::internal::CaptureStderr();
      const int exit_code = RunCommand(command, precision);
      const std::string said = ::testing::internal::GetCapturedStderr();
      EXPECT_EQ(exit_code, 1) << command.words.front();
      EXPECT_THAT(said, HasSubstr("made in fp32, and the package is computed in " + precision));
    }
  }
}

std::optional<Precision> Parsed(const std::vector<std::string>& words) {
  CLI::App app;
  std::optional<Precision> precision;
  AddPrecision(app, precision);
  app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
  return precision;
}

TEST(PrecisionFlagTest, SetsWhatItNames) {
  EXPECT_EQ(Parsed({}), std::nullopt);
  EXPECT_EQ(Parsed({"--precision", "package"}), std::nullopt);
  EXPECT_EQ(Parsed({"--precision", "fp32"}), Precision::kFp32);
  EXPECT_EQ(Parsed({"--precision", "bf16"}), Precision::kBf16);
  EXPECT_EQ(Parsed({"--precision", "fp16"}), Precision::kFp16);
  EXPECT_EQ(Parsed({"--precision", "int8"}), Precision::kInt8);
}

}  // namespace
}  // namespace bayespfl
