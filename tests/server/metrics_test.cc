#include "server/telemetry/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "tests/server/fake_detector.h"

namespace bayespfl::server {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kNobody[] = "peer:10.0.0.7";  // a client without a name

InspectionOutcome Outcome(const std::string& category, float score) {
  InspectionOutcome outcome;
  outcome.inspection.category = category;
  outcome.inspection.score = score;
  return outcome;
}

std::shared_ptr<ServedModel> Model(const std::string& name, Metrics& metrics) {
  return std::make_shared<ServedModel>(name, ReplicasOf({std::make_shared<FakeDetector>()}), metrics.NotesOf(name, 1));
}

// A page of one model, "fake", that serves.
class ServingMetricsTest : public ::testing::Test {
 protected:
  void SetUp() override { Make({}); }

  void Make(const MetricsOptions& options) {
    metrics_ = std::make_unique<Metrics>(options);
    model_ = Model("fake", *metrics_);
    metrics_->SetModels({.models = {{"fake", model_}}, .default_model = "fake"});
  }
  void Answer(const InspectionOutcome& outcome) { metrics_->OnFrameAnswered(*model_, kNobody, outcome); }
  void Fail(const absl::Status& status) { metrics_->OnFrameFailed(model_.get(), kNobody, status); }
  std::string Page() const { return metrics_->Serialize(); }

  std::unique_ptr<Metrics> metrics_;
  std::shared_ptr<ServedModel> model_;
};

TEST(MetricsTest, TheExpiryOfACertificateIsThereOnceThereIsOneAndFollowsIt) {
  Metrics metrics({.server_version = "1"});
  EXPECT_THAT(metrics.Serialize(), Not(HasSubstr("bayespfl_tls_certificate_expiry")));

  metrics.SetCertificateExpiry(absl::FromUnixSeconds(1000));
  metrics.SetCertificateExpiry(absl::FromUnixSeconds(2000));

  EXPECT_THAT(metrics.Serialize(), HasSubstr("bayespfl_tls_certificate_expiry_timestamp_seconds 2000\n"));
}

TEST_F(ServingMetricsTest, CountsFramesByModelAndOutcome) {
  Make({.server_version = "1.2.3"});
  Answer({});
  Fail(absl::DeadlineExceededError(""));
  Fail(absl::InternalError(""));

  const std::string text = Page();

  EXPECT_THAT(text, HasSubstr("bayespfl_frames_total{model=\"fake\",outcome=\"ok\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_frames_total{model=\"fake\",outcome=\"expired\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_frames_total{model=\"fake\",outcome=\"failed\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_frames_total{model=\"fake\",outcome=\"refused\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_build_info{version=\"1.2.3\"} 1\n"));
}

TEST_F(ServingMetricsTest, AFrameWithoutAModelHasAnEmptyOne) {
  metrics_->OnFrameFailed(nullptr, kNobody, WithRefusal(absl::NotFoundError("no such model"), Refusal::kUnknownModel));

  EXPECT_THAT(Page(), AllOf(HasSubstr("bayespfl_frames_total{model=\"\",outcome=\"invalid\"} 1\n"),
                            HasSubstr("bayespfl_frames_total{model=\"fake\",outcome=\"invalid\"} 0\n")));
}

TEST(MetricsTest, CountsRefusedFramesByReason) {
  Metrics metrics({});
  metrics.OnFrameFailed(nullptr, kNobody, WithRefusal(absl::ResourceExhaustedError(""), Refusal::kQueueFull));
  metrics.OnFrameFailed(nullptr, kNobody, absl::ResourceExhaustedError("without a reason: accepted, then failed"));

  const std::string text = metrics.Serialize();

  EXPECT_THAT(text, HasSubstr("bayespfl_frames_refused_total{reason=\"queue_full\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_frames_refused_total{reason=\"bytes_full\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_frames_total{model=\"\",outcome=\"refused\"} 2\n"));
}

TEST(MetricsTest, AFrameThatNeverReachedThePipelineIsInvalidUnlessItsStatusSaysOtherwise) {
  Metrics metrics({});
  metrics.CountRejectedFrame(kNobody, absl::InvalidArgumentError(""));
  metrics.CountRejectedFrame(kNobody, WithRefusal(absl::UnavailableError(""), Refusal::kDraining));

  const std::string text = metrics.Serialize();

  EXPECT_THAT(text, HasSubstr("bayespfl_frames_refused_total{reason=\"invalid\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_frames_refused_total{reason=\"draining\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_frames_total{model=\"\",outcome=\"unavailable\"} 1\n"));
}

TEST(MetricsTest, OnlyNamedClientsHaveSeriesOfTheirOwn) {
  Metrics metrics({});
  metrics.SetClients({{"token:line-3", "line-3"}, {"token:line-4", "line-4"}});
  metrics.OnFrameFailed(nullptr, "token:line-3", absl::InternalError(""));
  metrics.OnFrameFailed(nullptr, "token:line-9", absl::InternalError(""));
  metrics.CountRejectedFrame(kNobody, absl::InternalError(""));

  const std::string text = metrics.Serialize();

  EXPECT_THAT(text, HasSubstr("bayespfl_client_frames_total{client=\"line-3\",outcome=\"failed\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_client_frames_total{client=\"line-4\",outcome=\"failed\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_client_frames_total{client=\"other\",outcome=\"failed\"} 2\n"));
  EXPECT_THAT(text, AllOf(Not(HasSubstr("line-9")), Not(HasSubstr("10.0.0.7"))));
}

TEST(MetricsTest, AClientKeepsItsCountsWhileItIsNamed) {
  Metrics metrics({});
  metrics.SetClients({{"token:stays", "stays"}, {"token:goes", "goes"}});
  metrics.OnFrameFailed(nullptr, "token:stays", absl::InternalError(""));

  metrics.SetClients({{"token:stays", "stays"}, {"token:comes", "comes"}});

  const std::string text = metrics.Serialize();
  EXPECT_THAT(text, HasSubstr("bayespfl_client_frames_total{client=\"stays\",outcome=\"failed\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_client_frames_total{client=\"comes\",outcome=\"failed\"} 0\n"));
  EXPECT_THAT(text, Not(HasSubstr("client=\"goes\"")));
}

TEST(MetricsTest, SaysWhatNamedClientsTake) {
  Metrics metrics({});
  metrics.SetClients({{"token:line-3", "line-3"}, {"token:line-4", "line-4"}});
  EXPECT_THAT(metrics.Serialize(), Not(HasSubstr("bayespfl_client_frames_in_flight")));
  metrics.SetClientProbe([](const std::string& client) {
    const bool third = client == "token:line-3";
    return ClientUse{.frames_in_flight = third ? 2 : 0,
                     .bytes_in_flight = third ? 700 : 0,
                     .streams_open = third ? std::optional(5) : std::nullopt};
  });

  const std::string text = metrics.Serialize();

  EXPECT_THAT(text, AllOf(HasSubstr("bayespfl_client_frames_in_flight{client=\"line-3\"} 2\n"),
                          HasSubstr("bayespfl_client_frames_in_flight{client=\"line-4\"} 0\n"),
                          HasSubstr("bayespfl_client_bytes_in_flight{client=\"line-3\"} 700\n"),
                          HasSubstr("bayespfl_client_streams_open{client=\"line-3\"} 5\n"),
                          Not(HasSubstr("bayespfl_client_streams_open{client=\"line-4\"}"))));
}

TEST(MetricsTest, ALimitOfEachClientHasASeriesWhereThereIsOne) {
  MetricLimits limits;
  limits.client_frames_in_flight = 8;
  const std::string text = Metrics({.limits = limits}).Serialize();

  EXPECT_THAT(text, HasSubstr("bayespfl_client_frames_in_flight_limit 8\n"));
  EXPECT_THAT(text, Not(HasSubstr("bayespfl_client_streams_open_limit")));
}

// Its token may be called so; a page with a series twice cannot be read at all.
TEST(MetricsTest, AClientThatIsCalledOtherIsOneOfTheOthers) {
  Metrics metrics({});
  metrics.SetClients({{"token:other", "other"}});
  metrics.OnFrameFailed(nullptr, "token:other", absl::InternalError(""));
  metrics.OnFrameFailed(nullptr, kNobody, absl::InternalError(""));

  EXPECT_THAT(metrics.Serialize(), HasSubstr("bayespfl_client_frames_total{client=\"other\",outcome=\"failed\"} 2\n"));
}

TEST(MetricsTest, RequestsOfListedMethodsAreCountedAndTimedAndOthersMakeNoSeries) {
  Metrics metrics({.methods = {"Inspect"}});
  metrics.CountRequest("Inspect", absl::StatusCode::kInternal, 0.3);
  metrics.CountRequest("Inspect", absl::StatusCode::kOk, 7200);
  metrics.CountRequest("Made/Up", absl::StatusCode::kOk, 1);

  const std::string text = metrics.Serialize();

  EXPECT_THAT(text, HasSubstr("bayespfl_requests_total{code=\"INTERNAL\",method=\"Inspect\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_requests_total{code=\"UNAVAILABLE\",method=\"Inspect\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_request_duration_seconds_bucket{method=\"Inspect\",le=\"0.25\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_request_duration_seconds_bucket{method=\"Inspect\",le=\"0.5\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_request_duration_seconds_bucket{method=\"Inspect\",le=\"21600\"} 2\n"));
  EXPECT_THAT(text, Not(HasSubstr("Made")));
}

TEST_F(ServingMetricsTest, SumsTheSamplesOfAnsweredFrames) {
  InspectionOutcome outcome;
  outcome.inspection.provenance.samples = 3;
  Answer(outcome);
  outcome.inspection.provenance.samples = 5;
  Answer(outcome);

  EXPECT_THAT(Page(), HasSubstr("bayespfl_samples_drawn_total 8\n"));
}

TEST_F(ServingMetricsTest, ObservesTheStagesOfAnsweredFramesOnly) {
  InspectionOutcome outcome;
  outcome.inspection.timings = {{.stage = "vision", .seconds = 0.2}, {.stage = "total", .seconds = 0.7}};
  Answer(outcome);
  Fail(absl::InternalError(""));

  const std::string text = Page();

  constexpr char kBucket[] = "bayespfl_stage_latency_seconds_bucket{model=\"fake\",stage=";
  EXPECT_THAT(text, HasSubstr("bayespfl_stage_latency_seconds_count{model=\"fake\",stage=\"vision\"} 1\n"));
  EXPECT_THAT(text, HasSubstr(absl::StrCat(kBucket, "\"vision\",le=\"0.1\"} 0\n")));
  EXPECT_THAT(text, HasSubstr(absl::StrCat(kBucket, "\"vision\",le=\"0.25\"} 1\n")));
  EXPECT_THAT(text, HasSubstr(absl::StrCat(kBucket, "\"total\",le=\"0.5\"} 0\n")));
  EXPECT_THAT(text, HasSubstr(absl::StrCat(kBucket, "\"total\",le=\"1\"} 1\n")));
  EXPECT_THAT(text, HasSubstr("bayespfl_stage_latency_seconds_count{model=\"fake\",stage=\"render\"} 0\n"));
}

// Models bring stages of their own; only the table's have a series.
TEST_F(ServingMetricsTest, AStageThatIsNotListedMakesNoSeries) {
  InspectionOutcome outcome;
  outcome.inspection.timings = {{.stage = "dreams", .seconds = 0.2}};

  Answer(outcome);

  EXPECT_THAT(Page(), Not(HasSubstr("dreams")));
}

TEST_F(ServingMetricsTest, CountsAnsweredFramesByCategoryAndVerdict) {
  Make({.categories = {"metal nut"}});
  InspectionOutcome outcome;
  outcome.inspection.category = "Metal_Nut";
  for (const Verdict verdict : {Verdict::kFail, Verdict::kPass, Verdict::kFail, Verdict::kNone}) {
    outcome.inspection.decision.verdict = verdict;
    Answer(outcome);
  }
  outcome.inspection.category = "leather";
  Answer(outcome);
  Fail(absl::InternalError(""));

  const std::string text = Page();

  EXPECT_THAT(text, HasSubstr("bayespfl_verdicts_total{category=\"metal nut\",verdict=\"none\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_verdicts_total{category=\"metal nut\",verdict=\"pass\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_verdicts_total{category=\"metal nut\",verdict=\"review\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_verdicts_total{category=\"metal nut\",verdict=\"fail\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_verdicts_total{category=\"other\",verdict=\"none\"} 1\n"));
}

TEST(MetricsTest, ObservesTheWaitInEachQueue) {
  Metrics metrics({});
  metrics.OnQueueWait(PipelineQueue::kExecute, 0.2);

  const std::string text = metrics.Serialize();

  EXPECT_THAT(text, HasSubstr("bayespfl_queue_wait_seconds_bucket{queue=\"execute\",le=\"0.1\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_queue_wait_seconds_bucket{queue=\"execute\",le=\"0.25\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_queue_wait_seconds_count{queue=\"decode\"} 0\n"));
}

TEST_F(ServingMetricsTest, OnlyListedCategoriesHaveScoresOfTheirOwn) {
  Make({.categories = {"metal nut"}});
  Answer(Outcome("Metal_Nut", 0.55F));
  Answer(Outcome("leather", 0.995F));
  Answer(Outcome("\"} 1\nx", 0.0F));

  const std::string text = Page();

  constexpr char kNut[] = "bayespfl_score_bucket{category=\"metal nut\",model=\"fake\",le=";
  EXPECT_THAT(text, HasSubstr(absl::StrCat(kNut, "\"0.5\"} 0\n")));
  EXPECT_THAT(text, HasSubstr(absl::StrCat(kNut, "\"0.6\"} 1\n")));
  EXPECT_THAT(text, HasSubstr("bayespfl_score_bucket{category=\"other\",model=\"fake\",le=\"0.99\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_score_count{category=\"other\",model=\"fake\"} 2\n"));
  EXPECT_THAT(text, Not(HasSubstr("leather")));
}

TEST_F(ServingMetricsTest, EveryScoreHasABucketBelowInfinity) {
  Answer(Outcome("", 0.0F));
  Answer(Outcome("", 1.0F));

  EXPECT_THAT(Page(), AllOf(HasSubstr("bayespfl_score_bucket{category=\"other\",model=\"fake\",le=\"0.01\"} 1\n"),
                            HasSubstr("bayespfl_score_bucket{category=\"other\",model=\"fake\",le=\"1\"} 2\n")));
}

TEST(MetricsTest, GaugesFollowTheChanges) {
  Metrics metrics({});
  metrics.OnFramesInFlightChange(2, 700);
  metrics.OnFramesInFlightChange(-1, -300);
  metrics.OnQueueChange(PipelineQueue::kExecute, 3, 900);
  metrics.OnQueueChange(PipelineQueue::kExecute, -1, -500);
  metrics.OnUnsentBytes(80);
  metrics.OnUnsentBytes(-30);

  const std::string text = metrics.Serialize();

  EXPECT_THAT(text, HasSubstr("bayespfl_frames_in_flight 1\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_bytes_in_flight 400\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_queue_depth{queue=\"execute\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_queue_depth{queue=\"decode\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_queue_bytes{queue=\"execute\"} 400\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_queue_bytes{queue=\"render\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_unsent_reply_bytes 50\n"));
}

TEST(MetricsTest, LimitsStandBesideWhatIsUsedOfThem) {
  MetricLimits limits;
  limits.frames_in_flight = 64;
  limits.queue_depth = {256, 64, 8, 65};
  limits.queue_bytes = {500, 0, 1000, 1000};
  const std::string text = Metrics({.limits = limits}).Serialize();

  EXPECT_THAT(text, HasSubstr("bayespfl_frames_in_flight_limit 64\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_queue_depth_limit{queue=\"admission\"} 256\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_queue_depth_limit{queue=\"execute\"} 8\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_queue_depth_limit{queue=\"render\"} 65\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_queue_bytes_limit{queue=\"admission\"} 500\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_queue_bytes_limit{queue=\"render\"} 1000\n"));
  EXPECT_THAT(text, Not(HasSubstr("bayespfl_queue_bytes_limit{queue=\"decode\"}")));
}

// It walks over all of gRPC's connections.
TEST(MetricsTest, AsksForTheCallsOnceAtEachScrape) {
  int asked = 0;
  Metrics metrics({});
  metrics.SetProbes({.ready = [] { return true; },
                     .draining_since = [] { return std::nullopt; },
                     .connections = [] { return size_t{0}; },
                     .calls =
                         [&asked] {
                           ++asked;
                           return CallCounts();
                         },
                     .incoming_bytes = [] { return int64_t{0}; },
                     .log_queue_bytes = [] { return size_t{0}; },
                     .log_lines_dropped = [] { return uint64_t{0}; }});

  (void)metrics.Serialize();

  EXPECT_EQ(asked, 1);
}

TEST(MetricsTest, AsksForTheStateAtEachScrape) {
  bool ready = true;
  std::optional<absl::Time> draining_since;
  Metrics metrics({});
  metrics.SetProbes({.ready = [&] { return ready; },
                     .draining_since = [&] { return draining_since; },
                     .connections = [] { return size_t{7}; },
                     .calls = [] { return CallCounts{.most_open = 5, .unheard = 6}; },
                     .incoming_bytes = [] { return int64_t{900}; },
                     .log_queue_bytes = [] { return size_t{40}; },
                     .log_lines_dropped = [] { return uint64_t{3}; }});

  const std::string before = metrics.Serialize();
  ready = false;
  draining_since = absl::FromUnixSeconds(1000);
  const std::string after = metrics.Serialize();

  EXPECT_THAT(before, AllOf(HasSubstr("bayespfl_ready 1\n"), HasSubstr("bayespfl_draining 0\n"),
                            HasSubstr("bayespfl_connections_open 7\n"), HasSubstr("bayespfl_connection_calls_open 5\n"),
                            HasSubstr("bayespfl_grpc_unheard_calls_total 6\n"),
                            HasSubstr("bayespfl_incoming_bytes 900\n"), HasSubstr("bayespfl_log_queue_bytes 40\n"),
                            Not(HasSubstr("bayespfl_draining_since_timestamp_seconds"))));
  EXPECT_THAT(after, AllOf(HasSubstr("bayespfl_ready 0\n"), HasSubstr("bayespfl_draining 1\n"),
                           HasSubstr("bayespfl_draining_since_timestamp_seconds 1000\n")));
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

TEST(MetricsTest, RefusedCallsAreThereBeforeTheFirst) {
  Metrics metrics({});

  EXPECT_THAT(metrics.Serialize(), AllOf(HasSubstr("bayespfl_calls_refused_total{code=\"UNAUTHENTICATED\"} 0\n"),
                                         HasSubstr("bayespfl_calls_refused_total{code=\"PERMISSION_DENIED\"} 0\n")));
}

TEST(MetricsTest, HoldsTheProcessToo) { EXPECT_THAT(Metrics({}).Serialize(), HasSubstr("\nprocess_open_fds ")); }

}  // namespace
}  // namespace bayespfl::server
