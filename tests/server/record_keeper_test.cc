#include "server/runtime/record_keeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "model/verdict/inspection.h"
#include "server/runtime/config.h"
#include "server/telemetry/metrics.h"
#include "tests/server/log_lines.h"
#include "tests/server/span_receiver.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl::server {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

class RecordKeeperTest : public ::testing::Test {
 protected:
  RecordKeeperTest() {
    call_.method = "Inspect";
    call_.trace = {.trace_id = "4bf92f3577b34da6a3ce929d0e0e4736",
                   .span_id = "1111111111111111",
                   .parent_span_id = "00f067aa0ba902b7",
                   .flags = "01"};
    result_.category = "metal nut";
  }

  void Open(const ServerConfig& config) {
    absl::StatusOr<std::unique_ptr<RecordKeeper>> keeper = RecordKeeper::Open(config, metrics_, nullptr, logger_);
    ASSERT_TRUE(keeper.ok()) << keeper.status();
    keeper_ = *std::move(keeper);
  }

  RequestRecord Answered() const {
    return {.arrival = std::chrono::steady_clock::now(),
            .frames = {{.call = call_,
                        .name = {.camera_id = "", .frame_id = "frame 1", .part_id = ""},
                        .category = "metal nut",
                        .status = absl::OkStatus(),
                        .result = &result_}}};
  }

  const testing::TemporaryFolder folder_;
  LogLines log_;
  const Logger logger_ = log_.Create();
  Metrics metrics_{{.server_version = "1", .methods = {"Inspect"}}};
  CallRecord call_;
  Inspection result_;
  std::unique_ptr<RecordKeeper> keeper_;
};

TEST_F(RecordKeeperTest, ACallIsCountedAndLogged) {
  ASSERT_NO_FATAL_FAILURE(Open(ServerConfig()));

  keeper_->CallFinished(call_, absl::InternalError("the device failed"));

  EXPECT_THAT(metrics_.Serialize(), HasSubstr("bayespfl_requests_total{code=\"INTERNAL\",method=\"Inspect\"} 1\n"));
  EXPECT_THAT(log_.text(), HasSubstr("error the call ended"));
}

TEST_F(RecordKeeperTest, AFrameIsLoggedAndNothingWaitsForItsReply) {
  ASSERT_NO_FATAL_FAILURE(Open(ServerConfig()));

  const ReplyGone gone = keeper_->RequestAnswered(Answered());

  EXPECT_THAT(log_.text(), HasSubstr("debug the frame was answered"));
  EXPECT_FALSE(gone) << "there are no traces";
  keeper_->Close();
}

TEST_F(RecordKeeperTest, AFrameIsInTheResultLogWhenItIsClosed) {
  ServerConfig config;
  config.result_log = folder_.File("results.jsonl");
  ASSERT_NO_FATAL_FAILURE(Open(config));

  keeper_->RequestAnswered(Answered());
  keeper_->Close();

  EXPECT_THAT(folder_.Read("results.jsonl"), HasSubstr("\"frame_id\":\"frame 1\""));
  EXPECT_THAT(metrics_.Serialize(), HasSubstr("bayespfl_result_log_lines_total{outcome=\"written\"} 1\n"));
  EXPECT_THAT(metrics_.Serialize(), HasSubstr("bayespfl_result_log_queue_bytes 0\n"));
}

TEST_F(RecordKeeperTest, AFramesSpansEndWithItsReplyAndAreSentWhenItIsClosed) {
  SpanReceiver collector;
  ServerConfig config;
  config.otlp_endpoint = collector.endpoint();
  ASSERT_NO_FATAL_FAILURE(Open(config));

  const ReplyGone gone = keeper_->RequestAnswered(Answered());
  ASSERT_TRUE(gone);
  gone();
  keeper_->Close();

  EXPECT_THAT(collector.spans(), SizeIs(3)) << "the request, its admission, its reply";
  EXPECT_THAT(metrics_.Serialize(), HasSubstr("bayespfl_trace_spans_exported_total 3\n"));
}

TEST_F(RecordKeeperTest, TheSpansOfAReplyThatNeverLeftAreNotSent) {
  SpanReceiver collector;
  ServerConfig config;
  config.otlp_endpoint = collector.endpoint();
  ASSERT_NO_FATAL_FAILURE(Open(config));

  (void)keeper_->RequestAnswered(Answered());
  keeper_->Close();

  EXPECT_THAT(collector.spans(), IsEmpty());
}

TEST_F(RecordKeeperTest, AFileThatCannotBeOpenedIsNamedByItsSetting) {
  ServerConfig results;
  results.result_log = folder_.File("no such folder/results.jsonl");
  ServerConfig traces;
  traces.otlp_endpoint = "http://127.0.0.1:4318";
  traces.otlp_headers_file = folder_.Write("headers", "no header\n");

  EXPECT_THAT(std::string(RecordKeeper::Open(results, metrics_, nullptr, logger_).status().message()),
              StartsWith("result_log: "));
  EXPECT_THAT(std::string(RecordKeeper::Open(traces, metrics_, nullptr, logger_).status().message()),
              StartsWith("otlp_headers_file: "));
}

}  // namespace
}  // namespace bayespfl::server
