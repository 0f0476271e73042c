// Which lines there are and what they carry, read as JSON; phrases are not looked at.
#include "server/telemetry/event_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "server/pipeline/frame.h"

namespace bayespfl::server {
namespace {

class EventLogTest : public ::testing::Test {
 protected:
  static Logger MakeLogger(std::vector<nlohmann::json>& lines, const std::string& level) {
    LogOptions options;
    options.level = level;
    options.format = "json";
    options.write = [&lines](absl::string_view line) { lines.push_back(nlohmann::json::parse(line)); };
    return *CreateLogger(std::move(options));
  }

  RepeatLimits Limits() {
    return {.max_lines = 2, .window = std::chrono::seconds(10), .max_keys = 100, .clock = [this] { return now_; }};
  }

  FrameRecord Frame(const absl::Status& status, const std::string& camera = "camera 1") const {
    return {.call = call_,
            .name = {.camera_id = camera, .frame_id = "frame 1", .part_id = ""},
            .category = "metal nut",
            .status = status,
            .finding = status.ok() ? std::optional<FrameFinding>(FrameFinding{.model = "demo"}) : std::nullopt,
            .seconds = 0.5};
  }

  static CallRecord Call() {
    CallRecord call;
    call.method = "InspectStream";
    call.request_id = "order-17";
    call.trace = {.trace_id = "4bf92f3577b34da6a3ce929d0e0e4736", .span_id = "00f067aa0ba902b7", .parent_span_id = {}};
    call.peer = "ipv4:10.0.0.1:1";
    call.stream_id = 3;
    return call;
  }

  std::chrono::steady_clock::time_point now_;
  std::vector<nlohmann::json> lines_;
  const CallRecord call_ = Call();
  EventLog log_{MakeLogger(lines_, "info"), Limits()};
};

TEST_F(EventLogTest, AFailedFrameIsOneWarningThatSaysWhoseItIs) {
  log_.FrameAnswered(Frame(absl::InvalidArgumentError("no picture")));

  ASSERT_EQ(lines_.size(), 1);
  EXPECT_EQ(lines_[0]["level"], "warning");
  EXPECT_EQ(lines_[0]["request_id"], "order-17");
  EXPECT_EQ(lines_[0]["stream_id"], 3);
  EXPECT_EQ(lines_[0]["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(lines_[0]["span_id"], "00f067aa0ba902b7");
  EXPECT_EQ(lines_[0]["camera_id"], "camera 1");
  EXPECT_EQ(lines_[0]["frame_id"], "frame 1");
  EXPECT_EQ(lines_[0]["code"], "INVALID_ARGUMENT");
  EXPECT_EQ(lines_[0]["error"], "no picture");
  EXPECT_EQ(lines_[0]["seconds"], 0.5);
  EXPECT_FALSE(lines_[0].contains("part_id")) << "what the client did not say is not there";
}

TEST_F(EventLogTest, AClientsMistakeIsNoErrorOfTheServer) {
  CallRecord unary = Call();
  unary.stream_id.reset();

  log_.FrameAnswered(Frame(absl::NotFoundError("no model of that name")));
  log_.CallFinished(unary, absl::NotFoundError("no model of that name"));

  ASSERT_EQ(lines_.size(), 1) << "the call's line is for debugging";
  EXPECT_EQ(lines_[0]["level"], "warning");
}

TEST_F(EventLogTest, AFailureOfTheServerIsAnError) {
  log_.FrameAnswered(Frame(absl::InternalError("device")));

  ASSERT_EQ(lines_.size(), 1);
  EXPECT_EQ(lines_[0]["level"], "error");
}

TEST_F(EventLogTest, AnsweredSkippedAndAbandonedFramesAreForDebugging) {
  for (const absl::Status& status : {absl::OkStatus(), SkippedStatus(), absl::CancelledError("")}) {
    log_.FrameAnswered(Frame(status));
  }
  EXPECT_TRUE(lines_.empty());

  EventLog debug(MakeLogger(lines_, "debug"), Limits());
  for (const absl::Status& status : {absl::OkStatus(), SkippedStatus(), absl::CancelledError("")}) {
    debug.FrameAnswered(Frame(status));
  }

  ASSERT_EQ(lines_.size(), 3);
  EXPECT_EQ(lines_[0]["model"], "demo");
}

TEST_F(EventLogTest, RepeatsAreLeftOutAndCounted) {
  for (int i = 0; i < 7; ++i) log_.FrameAnswered(Frame(absl::InvalidArgumentError("x")));
  EXPECT_EQ(lines_.size(), 2);
  now_ += std::chrono::seconds(10);

  log_.FrameAnswered(Frame(absl::InvalidArgumentError("x")));

  ASSERT_EQ(lines_.size(), 3);
  EXPECT_FALSE(lines_[1].contains("suppressed"));
  EXPECT_EQ(lines_[2]["suppressed"], 5);
}

TEST_F(EventLogTest, OneCamerasRepeatsDoNotHideAnotherCamera) {
  for (int i = 0; i < 7; ++i) log_.FrameAnswered(Frame(absl::InvalidArgumentError("x"), "camera 1"));

  log_.FrameAnswered(Frame(absl::InvalidArgumentError("x"), "camera 2"));

  EXPECT_EQ(lines_.back()["camera_id"], "camera 2");
}

TEST_F(EventLogTest, AStreamsEndIsALineOfInfo) {
  log_.CallFinished(call_, absl::OkStatus());

  ASSERT_EQ(lines_.size(), 1);
  EXPECT_EQ(lines_[0]["level"], "info");
  EXPECT_EQ(lines_[0]["method"], "InspectStream");
  EXPECT_EQ(lines_[0]["peer"], "ipv4:10.0.0.1:1");
  EXPECT_EQ(lines_[0]["code"], "OK");
  EXPECT_GE(lines_[0]["seconds"].get<double>(), 0);
}

TEST_F(EventLogTest, OtherCallsAreForDebuggingUnlessTheServerIsAtFault) {
  CallRecord unary = Call();
  unary.method = "Inspect";
  unary.stream_id.reset();

  log_.CallFinished(unary, absl::OkStatus());
  log_.CallFinished(unary, absl::InvalidArgumentError("x"));
  EXPECT_TRUE(lines_.empty());
  log_.CallFinished(unary, absl::InternalError("x"));

  ASSERT_EQ(lines_.size(), 1);
  EXPECT_EQ(lines_[0]["level"], "error");
}

}  // namespace
}  // namespace bayespfl::server
