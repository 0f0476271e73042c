// `bayespfl-model replay` on lines that `inspect` wrote with the embedded model, and on what can go wrong with them.
#include "model/tools/replay.h"

#include <sstream>
#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/checkpoint/init.h"
#include "model/clip/bundled_vocabulary.h"
#include "model/inspector/replay.h"
#include "model/tools/inspect.h"
#include "nlohmann/json.hpp"
#include "tests/model/tools/calibrated_model.h"
#include "tests/support/demo_model.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_device.h"

namespace bayespfl {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

const std::string kPicture = testing::Asset("demo/images/leather/hole_0.jpg");
const std::string kOtherPicture = testing::Asset("demo/images/leather/good_0.jpg");

class ReplayTest : public ::testing::Test {
 protected:
  // One result for all tests, by a calibrated category and with draws and a mask of its own.
  static void SetUpTestSuite() {
    folder_ = new testing::TemporaryFolder();
    const InspectArguments inspect{
        .model_dir = testing::kDemoModel,
        .calibration_file = folder_->Write("calibration.json", testing::DemoCalibration("belt 12", "leather", 0.5F)),
        .device = testing::TestDevice(),
        .category = "belt 12",
        .samples = 3,
        .seed = 11,
        .mask_threshold = 0.25F,
        .output_dir = {},
        .map_dir = {},
        .pictures = {kPicture}};
    std::ostringstream out;
    ASSERT_EQ(RunInspect(inspect, out), 0);
    recorded_ = new nlohmann::ordered_json(nlohmann::ordered_json::parse(out.str()));
  }
  static void TearDownTestSuite() {
    delete std::exchange(recorded_, nullptr);
    delete std::exchange(folder_, nullptr);
  }

  int Replay(const std::string& log) {
    std::istringstream in(log);
    std::ostringstream out;
    ::testing::internal::CaptureStderr();
    const int exit_code = RunReplay(arguments_, in, out);
    complaints_ = ::testing::internal::GetCapturedStderr();
    printed_ = out.str();
    return exit_code;
  }
  int Replay() { return Replay(line_.dump()); }

  static inline testing::TemporaryFolder* folder_ = nullptr;
  static inline const nlohmann::ordered_json* recorded_ = nullptr;

  nlohmann::ordered_json line_ = *recorded_;  // what is replayed; tests change it
  ReplayArguments arguments_{.line_file = "-",
                             .result_id = {},
                             .picture = kPicture,
                             .model_dir = testing::kDemoModel,
                             .calibration_file = folder_->File("calibration.json"),
                             .device = testing::TestDevice()};
  std::string printed_;
  std::string complaints_;
};

TEST_F(ReplayTest, TheSamePictureGivesTheSameBits) {
  EXPECT_EQ(Replay(), kReplayAgrees) << complaints_;
  EXPECT_EQ(printed_, line_["result_id"].get<std::string>() + ": equal to the bit\n");
}

TEST_F(ReplayTest, ALineIsReadFromAFileAndPickedFromAWholeLog) {
  nlohmann::ordered_json other = line_;
  other["result_id"] = "another";
  other["score"] = 0.125;
  arguments_.line_file = folder_->Write("results.jsonl", other.dump() + "\n" + line_.dump() + "\n{\"torn");
  arguments_.result_id = line_["result_id"];
  EXPECT_EQ(Replay(""), kReplayAgrees) << complaints_;
  EXPECT_THAT(printed_, HasSubstr("equal to the bit"));
}

TEST_F(ReplayTest, ANumberALittleOffIsWithinTheTolerance) {
  line_["score"] = line_["score"].get<double>() + 5e-6;
  EXPECT_EQ(Replay(), kReplayAgrees);
  EXPECT_THAT(printed_, AllOf(HasSubstr("within the documented tolerance"), HasSubstr("  score 0.")));
}

TEST_F(ReplayTest, ANumberThatWasChangedIsShown) {
  line_["map_score"] = 0.875;
  EXPECT_EQ(Replay(), kReplayDiffers);
  EXPECT_THAT(printed_,
              AllOf(HasSubstr(": different\n"), HasSubstr("  map_score 0.875 -> "), Not(HasSubstr("not as it was"))));
}

TEST_F(ReplayTest, AVerdictThatWasChangedIsShown) {
  line_["verdict"] = line_["verdict"] == "PASS" ? "FAIL" : "PASS";
  EXPECT_EQ(Replay(), kReplayDiffers);
  EXPECT_THAT(printed_, HasSubstr("  verdict "));
}

TEST_F(ReplayTest, AnotherPictureIsSaidFirst) {
  arguments_.picture = kOtherPicture;
  EXPECT_EQ(Replay(), kReplayDiffers);
  EXPECT_THAT(printed_, StartsWith(kOtherPicture + ": the picture is not the recorded one"));
  EXPECT_THAT(printed_, HasSubstr("not as it was: the picture's SHA-256"));
}

TEST_F(ReplayTest, AnotherModelIsAReasonToDiffer) {
  const absl::StatusOr<ModelConfig> made = InitModel({.architecture = "tiny",
                                                      .seed = 3,
                                                      .output_dir = folder_->File("tiny"),
                                                      .overwrite = true,
                                                      .vocabulary = BundledVocabulary(),
                                                      .vocabulary_file = std::string(kBundledVocabularyFile)});
  ASSERT_TRUE(made.ok()) << made.status();
  arguments_.model_dir = folder_->File("tiny");
  arguments_.calibration_file.clear();
  EXPECT_EQ(Replay(), kReplayDiffers) << complaints_;
  EXPECT_THAT(printed_, HasSubstr("not as it was: the model's computation digest"));
}

TEST_F(ReplayTest, AnotherCalibrationIsAReasonToDiffer) {
  arguments_.calibration_file = folder_->Write("other.json", testing::DemoCalibration("belt 12", "leather", 0.0F));
  line_["verdict"] = "PASS";
  EXPECT_EQ(Replay(), kReplayDiffers) << complaints_;
  EXPECT_THAT(printed_, AllOf(HasSubstr("verdict PASS -> FAIL"), HasSubstr("not as it was: the thresholds' revision"),
                              Not(HasSubstr("computation digest"))));
}

TEST_F(ReplayTest, AnotherMachineIsSaidEvenWhenTheNumbersAgree) {
  const std::string kernels = line_["provenance"]["kernels"];
  const std::string forms = kernels.substr(kernels.find(" linear="));  // other ones would give other bits
  line_["provenance"]["kernels"] = "libtorch 1.0.0 NEON" + forms;
  EXPECT_EQ(Replay(), kReplayAgrees);
  EXPECT_THAT(printed_, AllOf(HasSubstr("equal to the bit"), HasSubstr("not as it was: kernels libtorch 1.0.0 NEON")));
}

TEST_F(ReplayTest, ItTakesTheThreadsOfTheLine) {
  std::string kernels = line_["provenance"]["kernels"];
  kernels.resize(kernels.rfind('=') + 1);
  line_["provenance"]["kernels"] = kernels + "3";
  EXPECT_EQ(Replay(), kReplayAgrees);
  EXPECT_THAT(printed_, Not(HasSubstr("kernels")));
}

// A line that was computed in bf16, with a calibration that was made so: in fp32 the package would refuse that.
class ReplayPrecisionTest : public ReplayTest {
 protected:
  ReplayPrecisionTest() {
    arguments_.calibration_file =
        folder_->Write("bf16.json", testing::DemoCalibration("belt 12", "leather", 0.5F, Precision::kBf16));
    const InspectArguments inspect{.model_dir = testing::kDemoModel,
                                   .calibration_file = arguments_.calibration_file,
                                   .device = testing::TestDevice(),
                                   .precision = Precision::kBf16,
                                   .category = "belt 12",
                                   .output_dir = {},
                                   .map_dir = {},
                                   .pictures = {kPicture}};
    std::ostringstream out;
    EXPECT_EQ(RunInspect(inspect, out), 0);
    line_ = nlohmann::ordered_json::parse(out.str());
  }
};

TEST_F(ReplayPrecisionTest, ItTakesThePrecisionOfTheLine) {
  ASSERT_EQ(line_["provenance"]["precision"], "bf16");
  EXPECT_EQ(Replay(), kReplayAgrees) << complaints_;
  EXPECT_EQ(printed_, line_["result_id"].get<std::string>() + ": equal to the bit\n");
  EXPECT_THAT(complaints_, HasSubstr("computes on " + testing::TestDevice() + " in bf16: "));
}

TEST_F(ReplayPrecisionTest, AnotherOneThatIsAskedForIsSaid) {
  arguments_.precision = Precision::kFp32;
  arguments_.calibration_file = folder_->File("calibration.json");
  EXPECT_NE(Replay(), kReplayFailed) << complaints_;
  EXPECT_THAT(printed_, AllOf(HasSubstr("not as it was: precision bf16 -> fp32"),
                              HasSubstr("not as it was: the model's computation digest")));
}

TEST_F(ReplayPrecisionTest, ItIsRefusedWithACalibrationOfAnotherPrecision) {
  arguments_.calibration_file = folder_->File("calibration.json");
  EXPECT_EQ(Replay(), kReplayFailed);
  EXPECT_THAT(complaints_, HasSubstr("thresholds were made in fp32, and the package is computed in bf16"));
}

// Of a version to come.
TEST_F(ReplayTest, APrecisionThatIsNotKnownIsSaidAndThePackagesIsTaken) {
  line_["provenance"]["precision"] = "fp4";
  EXPECT_EQ(Replay(), kReplayAgrees) << complaints_;
  EXPECT_THAT(printed_, HasSubstr("not as it was: precision fp4 -> fp32"));
}

TEST_F(ReplayTest, ADamagedLineIsAnErrorThatNamesWhatIsWrong) {
  line_["score"] = "high";
  EXPECT_EQ(Replay(), kReplayFailed);
  EXPECT_THAT(complaints_, AllOf(HasSubstr("standard input"), HasSubstr("score")));
  EXPECT_EQ(Replay(recorded_->dump().substr(0, 100)), kReplayFailed);
  EXPECT_EQ(printed_, "");
}

TEST_F(ReplayTest, ALineOfAFrameThatFailedHasNothingToCompare) {
  line_["code"] = "UNAVAILABLE";
  EXPECT_EQ(Replay(), kReplayFailed);
  EXPECT_THAT(complaints_, HasSubstr("UNAVAILABLE"));
}

TEST_F(ReplayTest, AFileThatIsNotThereIsAnError) {
  arguments_.line_file = folder_->File("nothing");
  EXPECT_EQ(Replay(), kReplayFailed);
  EXPECT_THAT(complaints_, HasSubstr("nothing"));
}

TEST_F(ReplayTest, APictureThatCannotBeReadIsAnError) {
  arguments_.picture = folder_->Write("bad.png", "no picture");
  EXPECT_EQ(Replay(), kReplayFailed);
  EXPECT_THAT(printed_, HasSubstr("not the recorded one"));
  EXPECT_THAT(complaints_, HasSubstr("bad.png"));
}

TEST_F(ReplayTest, RawPixelsAreReadByTheGeometryOfTheLine) {
  arguments_.picture = folder_->Write("pixels.raw", std::string(40 * 30, '\x55'));
  line_["provenance"]["picture"]["raw"] = {
      {"width", 40}, {"height", 30}, {"stride", 0}, {"pfnc_pixel_format", 0x01080001}};
  EXPECT_EQ(Replay(), kReplayDiffers) << complaints_;  // it is another picture, after all
  line_["provenance"]["picture"]["raw"]["pfnc_pixel_format"] = 1;
  EXPECT_EQ(Replay(), kReplayFailed);
  EXPECT_THAT(complaints_, HasSubstr("0x00000001 is no pixel format that is known"));
}

}  // namespace
}  // namespace bayespfl
