// Which lines there are and what they carry, read as JSON; phrases are not looked at.
#include "server/telemetry/event_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "model/verdict/inspection.h"
#include "server/pipeline/error_reason.h"
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
            .result = status.ok() ? &result_ : nullptr,
            .seconds = 0.5};
  }

  static Inspection Result() {
    Inspection result;
    result.decision = {.verdict = Verdict::kReview, .rule = DecisionRule::kScore};
    result.score = 0.25F;
    result.provenance.result_id = "019c0000-0000-7000-8000-000000000000";
    result.provenance.model = "demo";
    return result;
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
  const Inspection result_ = Result();
  EventLog log_{MakeLogger(lines_, "info"), Limits()};
};

TEST_F(EventLogTest, AFrameWithASpanOfItsOwnNamesThat) {
  FrameRecord frame = Frame(absl::InternalError("device"));
  frame.span = ChildOf(call_.trace);

  log_.FrameAnswered(frame);

  ASSERT_EQ(lines_.size(), 1);
  EXPECT_EQ(lines_[0]["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(lines_[0]["span_id"], frame.span->span_id);
  EXPECT_EQ(lines_[0]["parent_span_id"], "00f067aa0ba902b7");
}

TEST_F(EventLogTest, AFailedFrameIsOneWarningThatSaysWhoseItIs) {
  log_.FrameAnswered(Frame(WithReason(absl::InvalidArgumentError("no picture"), ErrorReason::kInvalidPicture)));

  ASSERT_EQ(lines_.size(), 1);
  EXPECT_EQ(lines_[0]["level"], "warning");
  EXPECT_EQ(lines_[0]["request_id"], "order-17");
  EXPECT_EQ(lines_[0]["stream_id"], 3);
  EXPECT_EQ(lines_[0]["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(lines_[0]["span_id"], "00f067aa0ba902b7");
  EXPECT_EQ(lines_[0]["camera_id"], "camera 1");
  EXPECT_EQ(lines_[0]["frame_id"], "frame 1");
  EXPECT_EQ(lines_[0]["code"], "INVALID_ARGUMENT");
  EXPECT_EQ(lines_[0]["reason"], "INVALID_PICTURE");
  EXPECT_EQ(lines_[0]["error"], "no picture");
  EXPECT_EQ(lines_[0]["seconds"], 0.5);
  EXPECT_FALSE(lines_[0].contains("part_id")) << "what the client did not say is not there";
  EXPECT_FALSE(lines_[0].contains("attempt")) << "nor the first attempt";
  EXPECT_FALSE(lines_[0].contains("result_id")) << "there is no result";
  EXPECT_FALSE(lines_[0].contains("verdict"));
}

TEST_F(EventLogTest, AnAnsweredFramesLineNamesItsResult) {
  EventLog debug(MakeLogger(lines_, "debug"), Limits());

  debug.FrameAnswered(Frame(absl::OkStatus()));

  ASSERT_EQ(lines_.size(), 1);
  EXPECT_EQ(lines_[0]["result_id"], "019c0000-0000-7000-8000-000000000000");
  EXPECT_EQ(lines_[0]["model"], "demo");
  EXPECT_EQ(lines_[0]["verdict"], "REVIEW");
  EXPECT_EQ(lines_[0]["score"], 0.25);
  EXPECT_EQ(lines_[0]["code"], "OK");
  EXPECT_FALSE(lines_[0].contains("reason"));
}

TEST_F(EventLogTest, AFrameThatWasSentAgainSaysHowOften) {
  FrameRecord frame = Frame(absl::InternalError("device"));
  frame.name.attempt = 2;

  log_.FrameAnswered(frame);

  ASSERT_EQ(lines_.size(), 1);
  EXPECT_EQ(lines_[0]["attempt"], 2);
}

TEST_F(EventLogTest, AnErrorWithoutAReasonOfItsOwnHasThatOfItsCode) {
  log_.FrameAnswered(Frame(absl::DeadlineExceededError("late")));

  ASSERT_EQ(lines_.size(), 1);
  EXPECT_EQ(lines_[0]["reason"], "DEADLINE_EXCEEDED");
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
  EXPECT_FALSE(lines_[1].contains("reason")) << "to be skipped is no error";
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

TEST_F(EventLogTest, AStreamThatTheServerEndsSaysWhy) {
  log_.CallFinished(call_, WithReason(absl::UnavailableError("draining"), ErrorReason::kDraining));

  ASSERT_EQ(lines_.size(), 1);
  EXPECT_EQ(lines_[0]["code"], "UNAVAILABLE");
  EXPECT_EQ(lines_[0]["reason"], "DRAINING");
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
