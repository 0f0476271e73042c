// `bayespfl-model evaluate` on data sets as people have them, with the real program.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/image/encode.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/process.h"
#include "tests/support/demo_model.h"
#include "tests/support/exif.h"
#include "tests/support/paths.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using testing::Finished;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::RunProgram;

constexpr int kSide = 448;  // of the demo's pictures, pixels

class EvaluateTest : public ::testing::Test {
 protected:
  // A picture of the demo: "leather/hole_0.jpg".
  void PutPicture(const std::string& name, const std::string& demo) const {
    fs::create_directories(fs::path(folder_.File(name)).parent_path());
    fs::copy_file(testing::Asset("demo/images/" + demo), folder_.File(name));
  }

  // A mask with a square in its middle, of 8 bits or 16.
  void PutMask(const std::string& name, PngSamples samples, uint8_t low_byte) const {
    const size_t bytes = samples == PngSamples::kGray16 ? 2 : 1;
    std::vector<uint8_t> values(bytes * kSide * kSide, 0);
    for (size_t row = 150; row < 300; ++row) {
      for (size_t column = 150; column < 300; ++column) values[bytes * (row * kSide + column + 1) - 1] = low_byte;
    }
    const auto png = EncodePng(samples, kSide, kSide, values);
    ASSERT_TRUE(png.ok()) << png.status();
    folder_.Write(name, *png);
  }

  Finished Evaluate(const std::string& dataset, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = {"evaluate",
                                          "--model",
                                          testing::kDemoModel,
                                          "--dataset",
                                          folder_.File(dataset),
                                          "--report",
                                          folder_.File("report-" + dataset)};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return RunProgram("bayespfl-model", arguments);
  }

  nlohmann::json Report(const std::string& dataset) const {
    return nlohmann::json::parse(folder_.Read("report-" + dataset + "/report.json"));
  }

  const testing::TemporaryFolder folder_;
};

TEST_F(EvaluateTest, ReadsOkAndKoAndMasksOfTheSameName) {
  PutPicture("btad/leather/test/ok/0.jpg", "leather/good_0.jpg");
  PutPicture("btad/leather/test/ko/1.jpg", "leather/hole_0.jpg");
  PutMask("btad/leather/ground_truth/ko/1.png", PngSamples::kGray8, 255);

  const Finished run = Evaluate("btad", {"--samples", "1"});

  EXPECT_EQ(run.exit_code, 0) << run.err;
  const auto report = Report("btad");
  EXPECT_EQ(report["dataset"]["normal"], 1);
  EXPECT_EQ(report["dataset"]["anomalous"], 1);
  EXPECT_GT(report["categories"][0]["pixels"]["anomalous"], 0);
}

TEST_F(EvaluateTest, JoinsTheSeveralMasksOfLoco) {
  for (const char* dataset : {"one", "two"}) {
    PutPicture(absl::StrCat(dataset, "/leather/test/good/000.jpg"), "leather/good_0.jpg");
    PutPicture(absl::StrCat(dataset, "/leather/test/bad/000.jpg"), "leather/hole_0.jpg");
    PutMask(absl::StrCat(dataset, "/leather/ground_truth/bad/000/000.png"), PngSamples::kGray8, 7);
  }
  PutMask("two/leather/ground_truth/bad/000/001.png", PngSamples::kGray8, 0);

  ASSERT_EQ(Evaluate("one", {"--samples", "1"}).exit_code, 0);
  ASSERT_EQ(Evaluate("two", {"--samples", "1"}).exit_code, 0);

  EXPECT_GT(Report("one")["categories"][0]["pixels"]["anomalous"], 0);
  EXPECT_EQ(Report("two")["categories"], Report("one")["categories"]);
}

TEST_F(EvaluateTest, A16BitLabelMaskSaysTheSameAsABlackAndWhiteOne) {
  for (const char* dataset : {"white", "label"}) {
    PutPicture(absl::StrCat(dataset, "/leather/test/good/000.jpg"), "leather/good_0.jpg");
    PutPicture(absl::StrCat(dataset, "/leather/test/bad/000.jpg"), "leather/hole_0.jpg");
  }
  PutMask("white/leather/ground_truth/bad/000_mask.png", PngSamples::kGray8, 255);
  PutMask("label/leather/ground_truth/bad/000_mask.png", PngSamples::kGray16, 1);

  ASSERT_EQ(Evaluate("white", {"--samples", "1"}).exit_code, 0);
  ASSERT_EQ(Evaluate("label", {"--samples", "1"}).exit_code, 0);

  EXPECT_EQ(Report("label")["categories"], Report("white")["categories"]);
}

TEST_F(EvaluateTest, NamesADefectivePictureWithAnEmptyMask) {
  PutPicture("set/leather/test/good/000.jpg", "leather/good_0.jpg");
  PutPicture("set/leather/test/bad/000.jpg", "leather/hole_0.jpg");
  PutPicture("set/leather/test/bad/001.jpg", "leather/scratch_0.jpg");
  PutMask("set/leather/ground_truth/bad/000_mask.png", PngSamples::kGray8, 255);
  PutMask("set/leather/ground_truth/bad/001_mask.png", PngSamples::kGray8, 0);

  const Finished run = Evaluate("set", {"--samples", "1"});

  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.err, AllOf(HasSubstr("leather/test/bad/001.jpg: its mask marks no pixel"),
                             HasSubstr("1 defective picture has a mask without a mark")));
}

TEST_F(EvaluateTest, WithNothingBehindItTheReportIsWrittenAndTheExitCodeIsTwo) {
  PutPicture("set/leather/test/gut/000.jpg", "leather/good_0.jpg");
  PutPicture("set/leather/test/schlecht/000.jpg", "leather/hole_0.jpg");

  const Finished run = Evaluate("set", {"--samples", "1"});

  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.err, HasSubstr("no normal picture counts of leather; folders of normal pictures are called good"));
  EXPECT_TRUE(fs::exists(folder_.File("report-set/report.html")));
  EXPECT_FALSE(Report("set")["shortcomings"].empty());
}

TEST_F(EvaluateTest, WithoutTheMasksThatWereExpectedTheExitCodeIsTwo) {
  PutPicture("set/leather/test/good/000.jpg", "leather/good_0.jpg");
  PutPicture("set/leather/test/bad/000.jpg", "leather/hole_0.jpg");
  PutMask("set/leather/ground_truth/bad/another.png", PngSamples::kGray8, 255);

  const Finished run = Evaluate("set", {"--samples", "1"});

  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.err, AllOf(HasSubstr("the mask leather/ground_truth/bad/000_mask.png is missing"),
                             HasSubstr("no defective picture counts of leather"),
                             HasSubstr("1 of 2 pictures are skipped, more than a tenth")));
}

TEST_F(EvaluateTest, JudgesByTheCategorysCalibration) {
  PutPicture("set/leather/test/good/000.jpg", "leather/good_0.jpg");
  PutPicture("set/leather/test/bad/000.jpg", "leather/hole_0.jpg");
  PutPicture("set/unknown/test/good/000.jpg", "leather/good_0.jpg");
  PutPicture("set/unknown/test/bad/000.jpg", "leather/hole_0.jpg");

  const Finished run = Evaluate("set");

  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, AllOf(HasSubstr("leather: overkill "), HasSubstr("unknown: not calibrated, no verdicts")));
  const auto leather = Report("set")["categories"][0];
  EXPECT_EQ(leather["thresholds"]["source"], "category");
  EXPECT_EQ(leather["drawn"]["samples"], 10);
  // The server's own words for the same picture.
  const Finished inspect = RunProgram("bayespfl-model", {"inspect", "--model", testing::kDemoModel, "--category",
                                                         "leather", folder_.File("set/leather/test/bad/000.jpg")});
  const std::string verdict = nlohmann::json::parse(inspect.out)["verdict"];
  EXPECT_THAT(folder_.Read("report-set/scores.csv"), HasSubstr("," + verdict + ","));
}

TEST_F(EvaluateTest, SeveralSeedsGiveMeanAndDeviation) {
  PutPicture("set/leather/test/good/000.jpg", "leather/good_0.jpg");
  PutPicture("set/leather/test/bad/000.jpg", "leather/hole_0.jpg");

  const Finished run = Evaluate("set", {"--samples", "1", "--seeds", "3,5"});

  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, AllOf(HasSubstr("mean and deviation over the seeds 3, 5"), HasSubstr(" ± ")));
  EXPECT_EQ(Report("set")["over_seeds"]["seeds"], nlohmann::json({3, 5}));
  for (const auto& entry : fs::directory_iterator(folder_.File("report-set"))) {
    EXPECT_THAT(entry.path().filename().string(), Not(HasSubstr(".state")));
  }
  EXPECT_EQ(Evaluate("set", {"--seeds", "1"}).exit_code, 1);
  EXPECT_EQ(Evaluate("set", {"--seeds", "1,1"}).exit_code, 1);
}

TEST_F(EvaluateTest, APictureOfItsOwnSeedCanBeHadAgainWithThatSeed) {
  PutPicture("set/leather/test/good/000.jpg", "leather/good_0.jpg");
  PutPicture("set/leather/test/bad/000.jpg", "leather/hole_0.jpg");

  const Finished run = Evaluate("set", {"--samples", "1", "--seed-per-picture"});

  EXPECT_EQ(run.exit_code, 0) << run.err;
  const std::string scores = folder_.Read("report-set/scores.csv");
  const size_t at = scores.find("leather/test/bad/000.jpg");
  const std::string line = scores.substr(at, scores.find('\n', at) - at);
  const std::string seed = line.substr(line.rfind(',') + 1);
  const Finished inspect =
      RunProgram("bayespfl-model", {"inspect", "--model", testing::kDemoModel, "--category", "leather", "--samples",
                                    "1", "--seed", seed, folder_.File("set/leather/test/bad/000.jpg")});
  ASSERT_EQ(inspect.exit_code, 0) << inspect.err;
  const std::string score = nlohmann::json::parse(inspect.out)["score"].dump();
  EXPECT_THAT(line, HasSubstr("," + score.substr(0, 7)));
}

TEST_F(EvaluateTest, TurnsPicturesUprightOnDemand) {
  for (const char* dataset : {"lying", "upright"}) {
    PutPicture(absl::StrCat(dataset, "/leather/test/good/000.jpg"), "leather/good_0.jpg");
    PutPicture(absl::StrCat(dataset, "/leather/test/bad/000.jpg"), "leather/hole_0.jpg");
    PutMask(absl::StrCat(dataset, "/leather/ground_truth/bad/000.png"), PngSamples::kGray8, 255);
  }
  folder_.Write("lying/leather/test/bad/000.jpg",
                testing::WithExif(folder_.Read("upright/leather/test/bad/000.jpg"), Orientation::kHalfTurn));

  const Finished without = Evaluate("lying", {"--samples", "1"});
  const auto stored = Report("lying")["categories"];
  ASSERT_EQ(Evaluate("lying", {"--samples", "1", "--apply-orientation"}).exit_code, 0);
  ASSERT_EQ(Evaluate("upright", {"--samples", "1"}).exit_code, 0);

  EXPECT_EQ(without.exit_code, 0) << without.err;
  EXPECT_EQ(stored, Report("upright")["categories"]);
  EXPECT_NE(Report("lying")["categories"], stored);
}

TEST_F(EvaluateTest, SaysWhatWasLeftOutAndWhatComputes) {
  PutPicture("set/leather/test/good/000.jpg", "leather/good_0.jpg");
  PutPicture("set/leather/test/bad/000.jpg", "leather/hole_0.jpg");
  folder_.Write("set/leather/test/bad/._000.jpg", "no picture");
  folder_.Write("set/leather/test/bad/Thumbs.db", "no picture");

  const Finished run = Evaluate("set", {"--samples", "1"});

  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.err,
              AllOf(HasSubstr("2 files left out: 1 hidden, 1 of another kind (.db)"), HasSubstr("computes on cpu")));
}

}  // namespace
}  // namespace bayespfl
