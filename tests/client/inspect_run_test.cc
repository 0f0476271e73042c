#include "client/cpp/inspect_run.h"

#include <filesystem>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>

#include "tests/client/fake_inspection_server.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl::client {
namespace {

using ::testing::ElementsAre;
using testing::FakeInspectionServer;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
namespace fs = std::filesystem;

Input Bytes(const std::string& name, const std::string& bytes, const std::string& category = "nut") {
  return {.name = name, .path = {}, .bytes = bytes, .category = category};
}

Input Missing(const std::string& name) {
  return {.name = name, .path = "no/such/" + name, .bytes = {}, .category = "nut"};
}

std::string PngPicture() {
  std::vector<uchar> png;
  cv::imencode(".png", cv::Mat(16, 16, CV_8UC3, cv::Scalar::all(90)), png);
  return {png.begin(), png.end()};
}

class RecordingReporter final : public Reporter {
 public:
  void Report(const Input& input, const Outcome& outcome) override {
    const std::string category = outcome.result.ok() ? outcome.result->category() : "";
    lines.push_back(input.name + " " + absl::StatusCodeToString(outcome.result.status().code()) + " " + category);
  }
  void ReportUnanswered(const Input& input, const absl::Status&) override { lines.push_back(input.name + " none"); }
  void Finish(const RunSummary&) override { ++finished; }

  std::vector<std::string> lines;
  int finished = 0;
};

// Both ways of sending must give the same results.
class RunInspectionTest : public ::testing::TestWithParam<bool> {
 protected:
  RunSummary Run(const std::string& target, InspectJob job) {
    ClientOptions options;
    options.target = target;
    job.stream = GetParam();
    const auto client = InspectionClient::Create(options).value();
    Progress progress(no_bar_, {.what = "pictures", .only_on_terminal = true});
    return RunInspection(*client, job, reporter_, progress);
  }

  std::ostringstream no_bar_;
  RecordingReporter reporter_;
};

TEST_P(RunInspectionTest, ReportsEveryInputInOrder) {
  FakeInspectionServer server({});
  InspectJob job;
  job.inputs = {Bytes("a", "good", "screw"), Missing("b"), Bytes("c", "bad"), Bytes("d", "good"), Missing("e")};

  const RunSummary summary = Run(server.target(), std::move(job));

  EXPECT_THAT(reporter_.lines,
              ElementsAre("a OK screw", "b NOT_FOUND ", "c INVALID_ARGUMENT ", "d OK nut", "e NOT_FOUND "));
  EXPECT_EQ(reporter_.finished, 1);
  EXPECT_EQ(summary.answered, 2U);
  EXPECT_EQ(summary.failed, 3U);
  EXPECT_EQ(summary.unanswered, 0U);
  EXPECT_TRUE(summary.broken.ok()) << summary.broken;
}

TEST_P(RunInspectionTest, CountsScoresOverTheLimit) {
  FakeInspectionServer server({.score = 0.5F});
  InspectJob at_limit;
  at_limit.inputs = {Bytes("a", "good"), Bytes("b", "good")};
  at_limit.fail_above = 0.5;
  InspectJob over_limit = at_limit;
  over_limit.fail_above = 0.4;

  EXPECT_EQ(Run(server.target(), at_limit).exceeded, 0U);
  EXPECT_EQ(Run(server.target(), over_limit).exceeded, 2U);
}

TEST_P(RunInspectionTest, CountsScoresOverTheirCategorysCalibratedThreshold) {
  InspectJob job;
  job.inputs = {Bytes("a", "good"), Bytes("b", "good")};
  job.fail_above_calibrated = true;
  FakeInspectionServer at_limit({.score = 0.5F, .score_threshold = 0.5F});
  FakeInspectionServer over_limit({.score = 0.5F, .score_threshold = 0.4F});

  EXPECT_EQ(Run(at_limit.target(), job).exceeded, 0U);
  const RunSummary over = Run(over_limit.target(), job);
  EXPECT_EQ(over.exceeded, 2U);
  EXPECT_THAT(over.uncalibrated, IsEmpty());
}

TEST_P(RunInspectionTest, NamesCategoriesWithoutACalibratedThresholdOnlyWhenOneIsWanted) {
  FakeInspectionServer server({.score = 0.5F, .score_threshold = 0.4F});
  InspectJob job;
  job.inputs = {Bytes("a", "good", "screw"), Bytes("b", "good"), Bytes("c", "good", "screw")};

  EXPECT_THAT(Run(server.target(), job).uncalibrated, IsEmpty());
  job.fail_above_calibrated = true;
  const RunSummary summary = Run(server.target(), job);

  EXPECT_THAT(summary.uncalibrated, ElementsAre("screw"));
  EXPECT_EQ(summary.exceeded, 1U);
}

TEST_P(RunInspectionTest, WritesOverlaysAndMasks) {
  FakeInspectionServer server({});
  const testing::TemporaryFolder temporary;
  const fs::path folder = temporary.File("run");
  InspectJob job;
  job.inputs = {Bytes("nuts/a.png", PngPicture()), Bytes("nuts/a.jpg", PngPicture())};
  job.output = folder;

  const RunSummary summary = Run(server.target(), std::move(job));

  EXPECT_THAT(summary.output_errors, IsEmpty());
  for (const char* name : {"nuts/a", "nuts/a-2"}) {
    const cv::Mat overlay = cv::imread((folder / name).string() + "_overlay.png", cv::IMREAD_UNCHANGED);
    const cv::Mat mask = cv::imread((folder / name).string() + "_mask.png", cv::IMREAD_UNCHANGED);
    EXPECT_EQ(overlay.type(), CV_8UC3) << name;
    EXPECT_EQ(mask.type(), CV_8UC1) << name;
    EXPECT_EQ(cv::countNonZero(mask), 4) << name;
  }
}

TEST_P(RunInspectionTest, GoesOnWhenAnOverlayCannotBeDrawn) {
  FakeInspectionServer server({});
  const testing::TemporaryFolder temporary;
  const fs::path folder = temporary.File("odd");
  InspectJob job;
  job.inputs = {Bytes("a", "only the server can read this"), Bytes("b", PngPicture())};
  job.output = folder;

  const RunSummary summary = Run(server.target(), std::move(job));

  EXPECT_EQ(summary.answered, 2U);
  EXPECT_THAT(summary.output_errors, ElementsAre(HasSubstr("a: no overlay")));
  EXPECT_TRUE(fs::exists(folder / "b_overlay.png"));
}

TEST_P(RunInspectionTest, BreaksOffWhenTheServerIsDraining) {
  FakeInspectionServer server({.frame_time = absl::Milliseconds(1)});
  InspectJob job;
  job.inputs = {Bytes("a", "good"), Bytes("b", "later")};
  for (int i = 0; i < 100; ++i) job.inputs.push_back(Bytes("more", "good"));

  const RunSummary summary = Run(server.target(), std::move(job));

  EXPECT_TRUE(absl::IsUnavailable(summary.broken)) << summary.broken;
  EXPECT_GT(summary.unanswered, 80U);
  EXPECT_EQ(reporter_.lines.size(), 102U);
  EXPECT_EQ(reporter_.lines.back(), "more none");
}

TEST_P(RunInspectionTest, BreaksOffWhenNobodyListens) {
  std::string target;
  {
    target = FakeInspectionServer({}).target();
  }
  InspectJob job;
  job.inputs = {Bytes("a", "good"), Missing("b"), Bytes("c", "good")};

  const RunSummary summary = Run(target, std::move(job));

  EXPECT_TRUE(absl::IsUnavailable(summary.broken)) << summary.broken;
  EXPECT_EQ(summary.answered, 0U);
  EXPECT_EQ(reporter_.lines.size(), 3U);
}

INSTANTIATE_TEST_SUITE_P(Ways, RunInspectionTest, ::testing::Bool(),
                         [](const auto& way) { return way.param ? "Stream" : "Unary"; });

}  // namespace
}  // namespace bayespfl::client
