#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "server/telemetry/http_server.h"
#include "server/telemetry/metrics.h"

namespace bayespfl::server {
namespace {

using ::testing::HasSubstr;

TEST(MetricsTest, CountsFramesByOutcome) {
  Metrics metrics("1.2.3");
  metrics.OnFrameFinished(absl::OkStatus(), {});
  metrics.OnFrameFinished(absl::DeadlineExceededError(""), {});
  metrics.OnFrameFinished(absl::InternalError(""), {});

  const std::string text = metrics.Serialize();

  EXPECT_THAT(text, HasSubstr("bayespfl_frames_total{outcome=\"ok\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_frames_total{outcome=\"expired\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_frames_total{outcome=\"failed\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_frames_total{outcome=\"refused\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_build_info{version=\"1.2.3\"} 1\n"));
}

TEST(MetricsTest, ObservesTheStagesOfAnsweredFramesOnly) {
  Metrics metrics("1");
  FrameSeconds seconds;
  seconds.model.vision = 0.2;
  metrics.OnFrameFinished(absl::OkStatus(), seconds);
  metrics.OnFrameFinished(absl::InternalError(""), seconds);

  const std::string text = metrics.Serialize();

  EXPECT_THAT(text, HasSubstr("bayespfl_stage_latency_seconds_count{stage=\"vision\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_stage_latency_seconds_bucket{stage=\"vision\",le=\"0.1\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_stage_latency_seconds_bucket{stage=\"vision\",le=\"0.25\"} 1\n"));
}

TEST(MetricsTest, GaugesFollowTheChanges) {
  Metrics metrics("1");
  metrics.OnFramesInFlightChange(1);
  metrics.OnQueueChange(PipelineQueue::kExecute, 3);
  metrics.OnQueueChange(PipelineQueue::kExecute, -1);

  const std::string text = metrics.Serialize();

  EXPECT_THAT(text, HasSubstr("bayespfl_frames_in_flight 1\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_queue_depth{queue=\"execute\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("bayespfl_queue_depth{queue=\"decode\"} 0\n"));
}

TEST(MetricsTest, CountsLinesOfTheResultLog) {
  Metrics metrics("1");
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

class HttpServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    HttpHandlers handlers;
    handlers.metrics = [] { return std::string("a 1\n"); };
    handlers.startup = [] { return absl::OkStatus(); };
    handlers.live = [] { return absl::OkStatus(); };
    handlers.ready = [] { return absl::UnavailableError("not yet"); };
    auto server = HttpServer::Start("127.0.0.1", 0, handlers);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, ServesMetricsInTheExpositionFormat) {
  const httplib::Result result = httplib::Client("127.0.0.1", server_->port()).Get("/metrics");

  ASSERT_TRUE(result);
  EXPECT_EQ(result->status, 200);
  EXPECT_EQ(result->body, "a 1\n");
  EXPECT_THAT(result->get_header_value("Content-Type"), HasSubstr("text/plain; version=0.0.4"));
}

TEST_F(HttpServerTest, ProbesAnswer200Or503WithTheReason) {
  httplib::Client client("127.0.0.1", server_->port());

  EXPECT_EQ(client.Get("/livez")->status, 200);
  EXPECT_EQ(client.Get("/startupz")->body, "ok\n");
  const httplib::Result ready = client.Get("/readyz");
  EXPECT_EQ(ready->status, 503);
  EXPECT_EQ(ready->body, "not yet\n");
  EXPECT_EQ(client.Get("/other")->status, 404);
}

TEST_F(HttpServerTest, NamesAnAddressThatIsTaken) {
  const auto second = HttpServer::Start("127.0.0.1", server_->port(), {});

  ASSERT_FALSE(second.ok());
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("127.0.0.1:" + std::to_string(server_->port())));
}

}  // namespace
}  // namespace bayespfl::server
