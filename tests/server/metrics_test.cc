#include "server/telemetry/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "tests/server/fake_detector.h"

namespace bayespfl::server {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

InspectionOutcome Outcome(const std::string& category, float score) {
  InspectionOutcome outcome;
  outcome.inspection.category = category;
  outcome.inspection.score = score;
  return outcome;
}

TEST(MetricsTest, TheExpiryOfACertificateIsThereOnceThereIsOneAndFollowsIt) {
  Metrics metrics({.server_version = "1"});
  EXPECT_THAT(metrics.Serialize(), Not(HasSubstr("bayespfl_tls_certificate_expiry")));

  metrics.SetCertificateExpiry(absl::FromUnixSeconds(1000));
  metrics.SetCertificateExpiry(absl::FromUnixSeconds(2000));

  EXPECT_THAT(metrics.Serialize(), HasSubstr("bayespfl_tls_certificate_expiry_timestamp_seconds 2000\n"));
}

TEST(MetricsTest, CountsFramesByOutcome) {
  Metrics metrics({.server_version = "1.2.3"});
  metrics.OnFrameAnswered({});
  metrics.OnFrameFailed(absl::DeadlineExceededError(""));
  metrics.OnFrameFailed(absl::InternalError(""));

  const std::string text = metrics.Serialize();

  EXPECT_THAT(text, HasSubstr("bayespfl_frames_total{outcome=\"ok\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_frames_total{outcome=\"expired\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_frames_total{outcome=\"failed\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_frames_total{outcome=\"refused\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_build_info{version=\"1.2.3\"} 1\n"));
}

TEST(MetricsTest, CountsRefusedFramesByReason) {
  Metrics metrics({});
  metrics.OnFrameFailed(WithRefusal(absl::ResourceExhaustedError(""), Refusal::kQueueFull));
  metrics.OnFrameFailed(absl::ResourceExhaustedError("without a reason: accepted, then failed"));

  const std::string text = metrics.Serialize();

  EXPECT_THAT(text, HasSubstr("bayespfl_frames_refused_total{reason=\"queue_full\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_frames_refused_total{reason=\"bytes_full\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_frames_total{outcome=\"refused\"} 2\n"));
}

TEST(MetricsTest, AFrameThatNeverReachedThePipelineIsInvalidUnlessItsStatusSaysOtherwise) {
  Metrics metrics({});
  metrics.CountRejectedFrame(absl::InvalidArgumentError(""));
  metrics.CountRejectedFrame(WithRefusal(absl::UnavailableError(""), Refusal::kDraining));

  const std::string text = metrics.Serialize();

  EXPECT_THAT(text, HasSubstr("bayespfl_frames_refused_total{reason=\"invalid\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_frames_refused_total{reason=\"draining\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_frames_total{outcome=\"unavailable\"} 1\n"));
}

TEST(MetricsTest, SumsTheSamplesOfAnsweredFrames) {
  Metrics metrics({});
  InspectionOutcome outcome;
  outcome.inspection.provenance.samples = 3;
  metrics.OnFrameAnswered(outcome);
  outcome.inspection.provenance.samples = 5;
  metrics.OnFrameAnswered(outcome);

  EXPECT_THAT(metrics.Serialize(), HasSubstr("bayespfl_samples_drawn_total 8\n"));
}

TEST(MetricsTest, ObservesTheStagesOfAnsweredFramesOnly) {
  Metrics metrics({});
  InspectionOutcome outcome;
  outcome.inspection.timings = {{.stage = "vision", .seconds = 0.2}, {.stage = "total", .seconds = 0.7}};
  metrics.OnFrameAnswered(outcome);
  metrics.OnFrameFailed(absl::InternalError(""));

  const std::string text = metrics.Serialize();

  EXPECT_THAT(text, HasSubstr("bayespfl_stage_latency_seconds_count{stage=\"vision\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_stage_latency_seconds_bucket{stage=\"vision\",le=\"0.1\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_stage_latency_seconds_bucket{stage=\"vision\",le=\"0.25\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_stage_latency_seconds_bucket{stage=\"total\",le=\"0.5\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_stage_latency_seconds_bucket{stage=\"total\",le=\"1\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_stage_latency_seconds_count{stage=\"render\"} 0\n"));
}

// Models bring stages of their own; only the table's have a series.
TEST(MetricsTest, AStageThatIsNotListedMakesNoSeries) {
  Metrics metrics({});
  InspectionOutcome outcome;
  outcome.inspection.timings = {{.stage = "dreams", .seconds = 0.2}};

  metrics.OnFrameAnswered(outcome);

  EXPECT_THAT(metrics.Serialize(), Not(HasSubstr("dreams")));
}

TEST(MetricsTest, CountsAnsweredFramesByVerdict) {
  Metrics metrics({});
  InspectionOutcome outcome;
  for (const Verdict verdict : {Verdict::kFail, Verdict::kPass, Verdict::kFail, Verdict::kNone}) {
    outcome.inspection.decision.verdict = verdict;
    metrics.OnFrameAnswered(outcome);
  }
  metrics.OnFrameFailed(absl::InternalError(""));

  const std::string text = metrics.Serialize();

  EXPECT_THAT(text, HasSubstr("bayespfl_verdicts_total{verdict=\"none\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_verdicts_total{verdict=\"pass\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_verdicts_total{verdict=\"review\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_verdicts_total{verdict=\"fail\"} 2\n"));
}

TEST(MetricsTest, ObservesTheWaitInEachQueue) {
  Metrics metrics({});
  metrics.OnQueueWait(PipelineQueue::kExecute, 0.2);

  const std::string text = metrics.Serialize();

  EXPECT_THAT(text, HasSubstr("bayespfl_queue_wait_seconds_bucket{queue=\"execute\",le=\"0.1\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_queue_wait_seconds_bucket{queue=\"execute\",le=\"0.25\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_queue_wait_seconds_count{queue=\"decode\"} 0\n"));
}

TEST(MetricsTest, OnlyListedCategoriesHaveScoresOfTheirOwn) {
  Metrics metrics({.categories = {"metal nut"}});
  metrics.OnFrameAnswered(Outcome("Metal_Nut", 0.55F));
  metrics.OnFrameAnswered(Outcome("leather", 0.995F));
  metrics.OnFrameAnswered(Outcome("\"} 1\nx", 0.0F));

  const std::string text = metrics.Serialize();

  EXPECT_THAT(text, HasSubstr("bayespfl_score_bucket{category=\"metal nut\",le=\"0.5\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_score_bucket{category=\"metal nut\",le=\"0.6\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_score_bucket{category=\"other\",le=\"0.99\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_score_count{category=\"other\"} 2\n"));
  EXPECT_THAT(text, Not(HasSubstr("leather")));
}

TEST(MetricsTest, EveryScoreHasABucketBelowInfinity) {
  Metrics metrics({});
  metrics.OnFrameAnswered(Outcome("", 0.0F));
  metrics.OnFrameAnswered(Outcome("", 1.0F));

  EXPECT_THAT(metrics.Serialize(), AllOf(HasSubstr("bayespfl_score_bucket{category=\"other\",le=\"0.01\"} 1\n"),
                                         HasSubstr("bayespfl_score_bucket{category=\"other\",le=\"1\"} 2\n")));
}

TEST(MetricsTest, GaugesFollowTheChanges) {
  Metrics metrics({});
  metrics.OnFramesInFlightChange(1);
  metrics.OnQueueChange(PipelineQueue::kExecute, 3);
  metrics.OnQueueChange(PipelineQueue::kExecute, -1);

  const std::string text = metrics.Serialize();

  EXPECT_THAT(text, HasSubstr("bayespfl_frames_in_flight 1\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_queue_depth{queue=\"execute\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_queue_depth{queue=\"decode\"} 0\n"));
}

TEST(MetricsTest, CountsLinesOfTheResultLog) {
  Metrics metrics({});
  metrics.CountResultLine(ResultLine::kWritten);
  metrics.CountResultLine(ResultLine::kDropped);
  metrics.CountResultLine(ResultLine::kDropped);
  metrics.OnResultQueueChange(100);
  metrics.OnResultQueueChange(-40);

  const std::string text = metrics.Serialize();

  EXPECT_THAT(text, HasSubstr("bayespfl_result_log_lines_total{outcome=\"written\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_result_log_lines_total{outcome=\"dropped\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_result_log_lines_total{outcome=\"failed\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_result_log_queue_bytes 60\n"));
}

TEST(MetricsTest, AModelThatIsGoneLeavesNoSeries) {
  Metrics metrics({});
  auto model = std::make_shared<ServedModel>("first", ReplicasOf({std::make_shared<FakeDetector>()}));
  metrics.SetModels({.models = {{"first", model}}, .default_model = "first"});
  metrics.SetModels({.models = {{"second", model}}, .default_model = "second"});

  const std::string text = metrics.Serialize();

  EXPECT_THAT(text, HasSubstr("model=\"second\""));
  EXPECT_THAT(text, Not(HasSubstr("model=\"first\"")));
}

TEST(MetricsTest, RefusedCallsAreThereBeforeTheFirst) {
  Metrics metrics({});

  EXPECT_THAT(metrics.Serialize(), AllOf(HasSubstr("bayespfl_calls_refused_total{code=\"UNAUTHENTICATED\"} 0\n"),
                                         HasSubstr("bayespfl_calls_refused_total{code=\"PERMISSION_DENIED\"} 0\n")));
}

TEST(MetricsTest, HoldsTheProcessToo) { EXPECT_THAT(Metrics({}).Serialize(), HasSubstr("\nprocess_open_fds ")); }

}  // namespace
}  // namespace bayespfl::server
