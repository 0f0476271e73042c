#include "server/telemetry/request_spans.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/pipeline/error_reason.h"

namespace bayespfl::server {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Not;

const SteadyTime kArrival{std::chrono::hours(1)};
const absl::Time kWall = absl::FromUnixSeconds(1'700'000'000);

SteadyTime At(int milliseconds) { return kArrival + std::chrono::milliseconds(milliseconds); }
absl::Time WallAt(int milliseconds) { return kWall + absl::Milliseconds(milliseconds); }

// The anchor: the request is answered 100 ms after it came.
const ClockAnchor kAnchor{.wall = WallAt(100), .steady = At(100)};

// "key=value" of every attribute.
std::vector<std::string> Attributes(const Span& span) {
  std::vector<std::string> texts;
  for (const SpanAttribute& attribute : span.attributes) {
    texts.push_back(absl::StrCat(attribute.key, "=",
                                 std::visit(
                                     [](const auto& value) -> std::string {
                                       if constexpr (std::is_same_v<std::decay_t<decltype(value)>, bool>) {
                                         return value ? "true" : "false";
                                       } else {
                                         return absl::StrCat(value);
                                       }
                                     },
                                     attribute.value)));
  }
  return texts;
}

// "name 0..5" of every span, in milliseconds since the arrival.
std::vector<std::string> Stretches(const std::vector<Span>& spans) {
  std::vector<std::string> texts;
  for (const Span& span : spans) {
    texts.push_back(absl::StrCat(span.name, " ", absl::ToInt64Milliseconds(span.start - kWall), "..",
                                 absl::ToInt64Milliseconds(span.end - kWall)));
  }
  return texts;
}

std::shared_ptr<FrameTimeline> FullTimeline() {
  auto timeline = std::make_shared<FrameTimeline>();
  timeline->model = "demo";
  timeline->accepted = At(1);
  timeline->steps = {{.step = FrameStep::kDecodeQueue, .start = At(1), .end = At(5)},
                     {.step = FrameStep::kDecode, .start = At(5), .end = At(15)},
                     {.step = FrameStep::kExecuteQueue, .start = At(15), .end = At(40)},
                     {.step = FrameStep::kExecute, .start = At(40), .end = At(80), .batch = 3},
                     {.step = FrameStep::kRenderQueue, .start = At(80), .end = At(81)},
                     {.step = FrameStep::kRender, .start = At(81), .end = At(90)}};
  timeline->answered = At(91);
  return timeline;
}

class RequestSpansTest : public ::testing::Test {
 protected:
  RequestSpansTest() {
    call_.method = "Inspect";
    call_.request_id = "order-17";
    call_.trace = {.trace_id = "4bf92f3577b34da6a3ce929d0e0e4736",
                   .span_id = "1111111111111111",
                   .parent_span_id = "00f067aa0ba902b7",
                   .flags = "01"};
    result_.decision = {.verdict = Verdict::kReview, .rule = DecisionRule::kScore};
    result_.score = 0.25F;
    result_.provenance.result_id = "result-1";
  }

  FrameRecord Frame(const absl::Status& status) const {
    return {.call = call_,
            .name = {.camera_id = "camera 1", .frame_id = "frame 1", .part_id = "part 1", .attempt = 2},
            .category = "metal nut",
            .status = status,
            .result = status.ok() ? &result_ : nullptr};
  }

  RequestRecord Request(const absl::Status& status, std::vector<std::shared_ptr<const FrameTimeline>> timelines) const {
    return {.arrival = kArrival, .frames = {Frame(status)}, .timelines = std::move(timelines)};
  }

  CallRecord call_;
  Inspection result_;
  const SpanNames names_{.service_of = [](absl::string_view) { return "package.Service"; },
                         .category_of = [](absl::string_view) { return "other"; }};
};

TEST_F(RequestSpansTest, AFrameIsATreeOfItsStages) {
  std::vector<Span> spans = SpansOf(Request(absl::OkStatus(), {FullTimeline()}), kAnchor, names_);
  EndSpans(WallAt(105), spans);

  EXPECT_THAT(Stretches(spans),
              ElementsAre("package.Service/Inspect 0..105", "admission 0..1", "queue 1..5", "decode 5..15",
                          "queue 15..40", "execute 40..80", "queue 80..81", "render 81..90", "reply 91..105"));
  for (size_t i = 1; i < spans.size(); ++i) {
    EXPECT_EQ(spans[i].trace_id, call_.trace.trace_id);
    EXPECT_EQ(spans[i].parent_span_id, call_.trace.span_id);
    EXPECT_EQ(spans[i].kind, SpanKind::kInternal);
    EXPECT_FALSE(spans[i].error);
  }
  EXPECT_THAT(Attributes(spans[2]), ElementsAre("bayespfl.queue=decode"));
  EXPECT_THAT(Attributes(spans[4]), ElementsAre("bayespfl.queue=execute"));
  EXPECT_THAT(Attributes(spans[5]), ElementsAre("bayespfl.batch_size=3"));
  EXPECT_THAT(Attributes(spans[6]), ElementsAre("bayespfl.queue=render"));
}

TEST_F(RequestSpansTest, TheRequestsSpanIsTheOneThatTheCallerWasTold) {
  const Span root = SpansOf(Request(absl::OkStatus(), {FullTimeline()}), kAnchor, names_).front();

  EXPECT_EQ(root.trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(root.span_id, "1111111111111111");
  EXPECT_EQ(root.parent_span_id, "00f067aa0ba902b7");
  EXPECT_TRUE(root.remote_parent);
  EXPECT_EQ(root.kind, SpanKind::kServer);
  EXPECT_FALSE(root.error);
  EXPECT_THAT(
      Attributes(root),
      ElementsAre("rpc.system=grpc", "rpc.service=package.Service", "rpc.method=Inspect", "rpc.grpc.status_code=0",
                  "bayespfl.request_id=order-17", "bayespfl.camera_id=camera 1", "bayespfl.frame_id=frame 1",
                  "bayespfl.part_id=part 1", "bayespfl.attempt=2", "bayespfl.model=demo", "bayespfl.category=other",
                  "bayespfl.result_id=result-1", "bayespfl.verdict=REVIEW", "bayespfl.score=0.25"));
}

TEST_F(RequestSpansTest, ATraceThatBeginsHereHasNoParent) {
  call_.trace.parent_span_id.clear();

  const Span root = SpansOf(Request(absl::OkStatus(), {FullTimeline()}), kAnchor, names_).front();

  EXPECT_EQ(root.parent_span_id, "");
  EXPECT_FALSE(root.remote_parent);
}

TEST_F(RequestSpansTest, AStreamsMessageHangsBelowItsCall) {
  call_.method = "InspectStream";
  call_.stream_id = 7;
  RequestRecord request = Request(absl::OkStatus(), {FullTimeline()});
  request.frames.front().span = ChildOf(call_.trace);

  const std::vector<Span> spans = SpansOf(request, kAnchor, names_);

  EXPECT_EQ(spans.front().name, "package.Service/InspectStream frame");
  EXPECT_EQ(spans.front().span_id, request.frames.front().span->span_id);
  EXPECT_EQ(spans.front().parent_span_id, "1111111111111111");
  EXPECT_FALSE(spans.front().remote_parent) << "that is this server's";
  EXPECT_THAT(Attributes(spans.front()), testing::Contains("bayespfl.stream_id=7"));
  EXPECT_EQ(spans.back().parent_span_id, spans.front().span_id);

  const Span stream = StreamSpanOf(call_, absl::OkStatus(), kAnchor, names_);
  EXPECT_EQ(stream.span_id, "1111111111111111");
  EXPECT_EQ(stream.parent_span_id, "00f067aa0ba902b7");
  EXPECT_EQ(stream.name, "package.Service/InspectStream");
  EXPECT_TRUE(stream.remote_parent);
}

TEST_F(RequestSpansTest, AFailureSaysWhyAndWhere) {
  auto timeline = FullTimeline();
  timeline->steps.resize(4);
  timeline->steps.back().failed = true;
  timeline->answered = At(80);
  const absl::Status status = WithReason(absl::InternalError("the device failed"), ErrorReason::kDeviceFailed);

  const std::vector<Span> spans = SpansOf(Request(status, {timeline}), kAnchor, names_);

  EXPECT_TRUE(spans.front().error);
  EXPECT_EQ(spans.front().error_message, "the device failed");
  EXPECT_THAT(Attributes(spans.front()),
              AllOf(testing::Contains("error.type=DEVICE_FAILED"), testing::Contains("rpc.grpc.status_code=13"),
                    testing::Contains("bayespfl.model=demo")));
  EXPECT_EQ(spans[5].name, "execute");
  EXPECT_TRUE(spans[5].error);
  EXPECT_FALSE(spans[3].error);
  EXPECT_THAT(Stretches(spans).back(), "reply 80..100");
}

TEST_F(RequestSpansTest, WhatTheClientGaveUpIsNoError) {
  const std::vector<Span> spans =
      SpansOf(Request(absl::CancelledError("the client left"), {FullTimeline()}), kAnchor, names_);

  EXPECT_FALSE(spans.front().error);
  EXPECT_THAT(Attributes(spans.front()), testing::Contains("rpc.grpc.status_code=1"));
}

TEST_F(RequestSpansTest, ARefusedFrameHasOnlyItsAdmission) {
  auto timeline = std::make_shared<FrameTimeline>();
  timeline->answered = At(2);

  const std::vector<Span> spans = SpansOf(Request(absl::ResourceExhaustedError("full"), {timeline}), kAnchor, names_);

  EXPECT_THAT(Stretches(spans), ElementsAre("package.Service/Inspect 0..100", "admission 0..2", "reply 2..100"));
  EXPECT_TRUE(spans.front().error);
}

TEST_F(RequestSpansTest, SoHasOneThatNeverReachedThePipeline) {
  const std::vector<Span> spans = SpansOf(Request(absl::InvalidArgumentError("wrong"), {}), kAnchor, names_);

  EXPECT_THAT(Stretches(spans), ElementsAre("package.Service/Inspect 0..100", "admission 0..100", "reply 100..100"));
}

TEST_F(RequestSpansTest, EachOfSeveralPicturesIsAFrame) {
  auto second = FullTimeline();
  second->answered = At(95);
  RequestRecord request = Request(absl::OkStatus(), {FullTimeline(), second});
  request.frames.push_back(Frame(absl::OkStatus()));

  const std::vector<Span> spans = SpansOf(request, kAnchor, names_);

  ASSERT_EQ(spans.size(), 1 + 2 * 8 + 1U);
  EXPECT_THAT(Attributes(spans.front()), AllOf(testing::Contains("bayespfl.pictures=2"),
                                               Not(testing::Contains(testing::StartsWith("bayespfl.verdict")))));
  EXPECT_THAT(Stretches(spans)[1], "frame 0..91");
  EXPECT_THAT(Stretches(spans)[9], "frame 0..95");
  EXPECT_THAT(Stretches(spans).back(), "reply 95..100");
  EXPECT_EQ(spans[1].parent_span_id, spans.front().span_id);
  EXPECT_EQ(spans[2].parent_span_id, spans[1].span_id);
  EXPECT_EQ(spans[10].parent_span_id, spans[9].span_id);
  EXPECT_EQ(spans.back().parent_span_id, spans.front().span_id);
  EXPECT_THAT(Attributes(spans[9]),
              AllOf(testing::Contains("bayespfl.picture=1"), testing::Contains("bayespfl.verdict=REVIEW")));
}

TEST_F(RequestSpansTest, OfSeveralPicturesTheOneThatFailedSaysSo) {
  auto failed = FullTimeline();
  failed->status = absl::InvalidArgumentError("damaged");
  auto unsubmitted = std::make_shared<FrameTimeline>();

  const std::vector<Span> spans = SpansOf(
      Request(absl::InvalidArgumentError("image[1]: damaged"), {FullTimeline(), failed, unsubmitted}), kAnchor, names_);

  ASSERT_EQ(spans.size(), 1 + 2 * 8 + 1U) << "nothing of a picture whose turn never came";
  EXPECT_TRUE(spans.front().error);
  EXPECT_FALSE(spans[1].error);
  EXPECT_TRUE(spans[9].error);
  EXPECT_EQ(spans[9].error_message, "damaged");
}

TEST_F(RequestSpansTest, EverySpanHasItsOwnId) {
  std::vector<std::string> ids;
  for (const Span& span : SpansOf(Request(absl::OkStatus(), {FullTimeline()}), kAnchor, names_)) {
    ids.push_back(span.span_id);
  }
  std::sort(ids.begin(), ids.end());

  EXPECT_EQ(std::adjacent_find(ids.begin(), ids.end()), ids.end());
}

}  // namespace
}  // namespace bayespfl::server
