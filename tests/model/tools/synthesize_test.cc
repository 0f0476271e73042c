#include "model/tools/synthesize.h"

#include <filesystem>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/image/encode.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::internal::CaptureStderr;
using ::testing::internal::CaptureStdout;
using ::testing::internal::GetCapturedStderr;
using ::testing::internal::GetCapturedStdout;

struct Outcome {
  int exit_code = 0;
  std::string out = {};
  std::string error = {};
};

Outcome RunCommand(const SynthesizeArguments& arguments) {
  CaptureStdout();
  CaptureStderr();
  const int exit_code = RunSynthesize(arguments);
  return {exit_code, GetCapturedStdout(), GetCapturedStderr()};
}

class SynthesizeTest : public ::testing::Test {
 protected:
  SynthesizeArguments Small() const {
    return {.output = folder_.File("set"), .families = {"nut"}, .good = 1, .anomalous = 1, .side = 64};
  }
  const testing::TemporaryFolder folder_;
};

TEST_F(SynthesizeTest, WritesTheFamiliesThatAreAskedFor) {
  SynthesizeArguments arguments = Small();
  arguments.defects = {"hole"};
  const Outcome outcome = RunCommand(arguments);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.error;
  EXPECT_THAT(outcome.out, HasSubstr("2 pictures in MVTec's layout, seed 0"));
  EXPECT_TRUE(std::filesystem::exists(folder_.File("set/nut/test/good/000.png")));
  EXPECT_TRUE(std::filesystem::exists(folder_.File("set/nut/test/hole/001.png")));
  EXPECT_TRUE(std::filesystem::exists(folder_.File("set/nut/ground_truth/hole/001_mask.png")));
}

TEST_F(SynthesizeTest, DrawsDefectsOnPhotographsAndNamesWhatItLeavesOut) {
  RgbImage picture{80, 80, std::vector<uint8_t>(3 * 80 * 80, 120)};
  folder_.Write("in/nut/a.png", *EncodePng(picture));
  folder_.Write("in/nut/b.png", "not a picture");
  SynthesizeArguments arguments = Small();
  arguments.families.clear();
  arguments.pictures = folder_.File("in");
  arguments.defects = {"stain"};
  const Outcome outcome = RunCommand(arguments);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.error;
  EXPECT_THAT(outcome.out, HasSubstr("2 pictures of 1 photograph in 1 category, 1 left out, in MVTec's layout"));
  EXPECT_THAT(outcome.error, HasSubstr("left out: nut/b.png: "));
  EXPECT_TRUE(std::filesystem::exists(folder_.File("set/nut/test/good/000.png")));
  EXPECT_TRUE(std::filesystem::exists(folder_.File("set/nut/ground_truth/stain/001_mask.png")));
}

TEST_F(SynthesizeTest, RefusesPhotographsThatCannotBeUsedAndDefectsThatTheyCannotHave) {
  folder_.Write("in/b.png", "not a picture");
  SynthesizeArguments arguments = Small();
  arguments.pictures = folder_.File("in");
  EXPECT_THAT(RunCommand(arguments).error, HasSubstr("exclude each other"));
  arguments.families.clear();
  EXPECT_THAT(RunCommand(arguments).error, HasSubstr("none of the 1 pictures"));
  arguments.defects = {"bend"};
  const Outcome outcome = RunCommand(arguments);
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.error, HasSubstr("\"bend\" cannot be drawn on photographs"));
}

TEST_F(SynthesizeTest, NamesTheFamiliesThereAreWhenOneIsUnknown) {
  SynthesizeArguments arguments = Small();
  arguments.families = {"unicorn"};
  const Outcome outcome = RunCommand(arguments);
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.error, AllOf(HasSubstr("there is no family \"unicorn\""), HasSubstr("brushed_metal")));
}

TEST_F(SynthesizeTest, NamesTheDefectsThereAreWhenOneIsUnknown) {
  SynthesizeArguments arguments = Small();
  arguments.defects = {"curse"};
  const Outcome outcome = RunCommand(arguments);
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.error, AllOf(HasSubstr("there is no defect \"curse\""), HasSubstr("scratch")));
}

TEST_F(SynthesizeTest, RefusesAFolderThatHoldsSomething) {
  folder_.Write("set/notes.txt", "mine");
  const Outcome outcome = RunCommand(Small());
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.error, HasSubstr("is there and not empty"));
}

TEST_F(SynthesizeTest, RefusesToWriteNowhere) {
  SynthesizeArguments arguments = Small();
  arguments.output.clear();
  EXPECT_EQ(RunCommand(arguments).exit_code, 1);
}

TEST_F(SynthesizeTest, ListsWhatThereIs) {
  const Outcome outcome = RunCommand({.list = true});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("surfaces: cast, "), HasSubstr("objects:  disc, "), HasSubstr("defects:  scratch, ")));
}

}  // namespace
}  // namespace bayespfl
