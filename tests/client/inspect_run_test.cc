#include "client/cpp/inspect_run.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
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
  return {.name = name, .path = {}, .bytes = bytes, .category = category, .object = std::nullopt};
}

std::vector<std::string> LabelNames(const std::vector<Input>& inputs) {
  std::vector<std::string> names;
  for (const PictureLabel& label : LabelsOf(inputs)) names.push_back(label.name);
  return names;
}

Input Missing(const std::string& name) {
  return {.name = name, .path = "no/such/" + name, .bytes = {}, .category = "nut", .object = std::nullopt};
}

class RecordingReporter final : public Reporter {
 public:
  void Report(const PictureLabel& picture, const PictureOutcome& outcome) override {
    lines.push_back(picture.name + " " + absl::StatusCodeToString(outcome.result.status().code()) + " " +
                    (outcome.result.ok() ? outcome.result->category : outcome.hints.reason));
    attempts.push_back(outcome.attempt);
  }
  void ReportUnanswered(const PictureLabel& picture, const absl::Status&, const ErrorHints& hints) override {
    lines.push_back(picture.name + " none " + hints.reason);
  }
  void Finish(absl::Duration) override { ++finished; }

  std::vector<std::string> lines;
  std::vector<uint32_t> attempts;
  int finished = 0;
};

// Both ways of sending must give the same results.
class RunInspectionTest : public ::testing::TestWithParam<bool> {
 protected:
  RunSummary Run(const std::string& target, InspectJob job) {
    ClientOptions options;
    options.target = target;
    options.timeout = job.timeout;
    options.connect_timeout = std::min(job.timeout, absl::Seconds(1));
    job.stream = GetParam();
    const auto client = InspectionClient::Create(options).value();
    Progress progress(no_bar_, {.what = "pictures", .only_on_terminal = true});
    return RunInspection(*client, job, reporter_, progress);
  }

  std::ostringstream no_bar_;
  RecordingReporter reporter_;
};

TEST(LabelsTest, InputsAreCalledByTheirNames) {
  EXPECT_THAT(LabelNames({Bytes("stdin", "x"), Missing("a.png")}), ElementsAre("stdin", "a.png"));
}

TEST(LabelsTest, PathsTellTheSameNameInTwoFoldersApart) {
  Input other = Missing("000.jpg");
  other.path = "other/000.jpg";

  EXPECT_THAT(LabelNames({Missing("000.jpg"), Missing("001.jpg"), other}),
              ElementsAre("no/such/000.jpg", "no/such/001.jpg", "other/000.jpg"));
}

TEST(LabelsTest, TheSameFileTwiceKeepsItsName) {
  EXPECT_THAT(LabelNames({Missing("a.png"), Missing("a.png")}), ElementsAre("a.png", "a.png"));
}

TEST_P(RunInspectionTest, ReportsEveryInputInOrder) {
  FakeInspectionServer server({});
  InspectJob job;
  job.inputs = {Bytes("a", "good", "screw"), Missing("b"), Bytes("c", "bad"), Bytes("d", "good"), Missing("e")};

  const RunSummary summary = Run(server.target(), std::move(job));

  EXPECT_THAT(reporter_.lines, ElementsAre("a OK screw", "b NOT_FOUND ", "c INVALID_ARGUMENT INVALID_PICTURE",
                                           "d OK nut", "e NOT_FOUND "));
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

TEST_P(RunInspectionTest, CountsVerdictsThatAreAtLeastTheOneAskedFor) {
  InspectJob job;
  job.inputs = {Bytes("a", "good"), Bytes("b", "good")};
  job.fail_on = Verdict::kReview;
  InspectJob strict = job;
  strict.fail_on = Verdict::kFail;
  FakeInspectionServer pass({.verdict = inspection::v1::VERDICT_PASS});
  FakeInspectionServer review({.verdict = inspection::v1::VERDICT_REVIEW});
  FakeInspectionServer fail({.verdict = inspection::v1::VERDICT_FAIL});

  EXPECT_EQ(Run(pass.target(), job).exceeded, 0U);
  EXPECT_EQ(Run(review.target(), job).exceeded, 2U);
  EXPECT_EQ(Run(fail.target(), job).exceeded, 2U);
  EXPECT_EQ(Run(review.target(), strict).exceeded, 0U);
  EXPECT_EQ(Run(fail.target(), strict).exceeded, 2U);
}

TEST_P(RunInspectionTest, APictureThatIsOverBothLimitsCountsOnce) {
  FakeInspectionServer server({.score = 0.5F, .verdict = inspection::v1::VERDICT_FAIL});
  InspectJob job;
  job.inputs = {Bytes("a", "good")};
  job.fail_on = Verdict::kFail;
  job.fail_above = 0.4;

  EXPECT_EQ(Run(server.target(), job).exceeded, 1U);
}

TEST_P(RunInspectionTest, NamesCategoriesWithoutAVerdictOnlyWhenOneIsWanted) {
  FakeInspectionServer server({.verdict = inspection::v1::VERDICT_FAIL});
  InspectJob job;
  job.inputs = {Bytes("a", "good", "screw"), Bytes("b", "good"), Bytes("c", "good", "screw")};

  EXPECT_THAT(Run(server.target(), job).without_verdict, IsEmpty());
  job.fail_on = Verdict::kReview;
  const RunSummary summary = Run(server.target(), job);

  EXPECT_THAT(summary.without_verdict, ElementsAre("screw"));
  EXPECT_EQ(summary.exceeded, 1U);
}

TEST_P(RunInspectionTest, EveryInputIsAskedForWithItsOwnCategoryAndObject) {
  FakeInspectionServer server({});
  InspectJob job;
  job.inputs = {Bytes("a", "good", "MN-17"), Bytes("b", "good", "screw")};
  job.inputs[0].object = "metal nut";
  job.options.set_samples(3);

  Run(server.target(), job);

  const std::vector<inspection::v1::InspectRequest> requests = server.requests();
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(requests[0].options().category(), "MN-17");
  EXPECT_EQ(requests[0].options().object(), "metal nut");
  EXPECT_EQ(requests[1].options().category(), "screw");
  EXPECT_FALSE(requests[1].options().has_object());
  for (const auto& request : requests) EXPECT_EQ(request.options().samples(), 3U);
}

TEST_P(RunInspectionTest, FrameIdsAreUniqueAmongRuns) {
  FakeInspectionServer server({});
  InspectJob job;
  job.inputs = {Bytes("a", "good"), Bytes("b", "good")};

  Run(server.target(), job);
  Run(server.target(), job);

  std::set<std::string> ids;
  for (const auto& request : server.requests()) ids.insert(request.metadata().frame_id());
  EXPECT_EQ(ids.size(), 4U);
}

TEST_P(RunInspectionTest, AsksForPicturesOnlyWhenTheyAreWritten) {
  FakeInspectionServer server({});
  InspectJob job;
  job.inputs = {Bytes("a", "good")};

  Run(server.target(), job);

  const inspection::v1::InspectOptions options = server.requests().front().options();
  EXPECT_FALSE(options.has_anomaly_map() || options.has_mask() || options.has_inspected_picture());
}

TEST_P(RunInspectionTest, WritesOverlaysAndMasks) {
  FakeInspectionServer server({});
  const testing::TemporaryFolder temporary;
  const fs::path folder = temporary.File("run");
  InspectJob job;
  job.inputs = {Bytes("nuts/a.png", "good"), Bytes("nuts/a.jpg", "good")};
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
  job.inputs = {Bytes("a", "blind"), Bytes("b", "good")};
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
  job.timeout = absl::Milliseconds(500);

  const RunSummary summary = Run(server.target(), std::move(job));

  EXPECT_TRUE(absl::IsUnavailable(summary.broken)) << summary.broken;
  EXPECT_GT(summary.unanswered, 80U);
  EXPECT_EQ(reporter_.lines.size(), 102U);
  EXPECT_EQ(reporter_.lines.back(), "more none DRAINING");
}

TEST_P(RunInspectionTest, BreaksOffWhenNobodyListens) {
  std::string target;
  {
    target = FakeInspectionServer({}).target();
  }
  InspectJob job;
  job.inputs = {Bytes("a", "good"), Missing("b"), Bytes("c", "good")};
  job.timeout = absl::Seconds(1);

  const RunSummary summary = Run(target, std::move(job));

  EXPECT_TRUE(absl::IsUnavailable(summary.broken)) << summary.broken;
  EXPECT_EQ(summary.answered, 0U);
  EXPECT_EQ(reporter_.lines.size(), 3U);
}

class RunStreamTest : public ::testing::Test {
 protected:
  std::ostringstream no_bar_;
  RecordingReporter reporter_;
};

// A stream of three pictures is cut at its age after the first.
TEST_F(RunStreamTest, ReportsWhichAttemptWasAnswered) {
  std::atomic<size_t> answered = 0;
  FakeInspectionServer server({.stream_handler = [&](grpc::ServerContext*, FakeInspectionServer::Stream* stream) {
    std::vector<inspection::v1::StreamFrame> frames;
    inspection::v1::InspectStreamRequest request;
    stream->Read(&request);  // the configuration
    while (frames.size() < 3 - answered && stream->Read(&request)) frames.push_back(request.frame());
    if (!frames.empty()) {
      stream->Write(testing::ReplyTo(frames.front(), 0));
      ++answered;
    }
    inspection::v1::FrameError error;
    error.set_code(grpc::StatusCode::UNAVAILABLE);
    error.set_reason(inspection::v1::ERROR_REASON_MAX_STREAM_AGE);
    return testing::StatusOf(error);
  }});
  InspectJob job;
  job.inputs = {Bytes("a", "good"), Bytes("b", "good"), Bytes("c", "good")};
  job.stream = true;
  Progress progress(no_bar_, {.what = "pictures", .only_on_terminal = true});

  const RunSummary summary =
      RunInspection(*InspectionClient::Create({.target = server.target()}).value(), job, reporter_, progress);

  EXPECT_TRUE(summary.broken.ok()) << summary.broken;
  EXPECT_EQ(summary.answered, 3U);
  EXPECT_THAT(reporter_.attempts, ElementsAre(0U, 1U, 2U));
}

INSTANTIATE_TEST_SUITE_P(Ways, RunInspectionTest, ::testing::Bool(),
                         [](const auto& way) { return way.param ? "Stream" : "Unary"; });

}  // namespace
}  // namespace bayespfl::client
