// When a frame was where, as the pipeline notes it for those who want to know.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "absl/time/clock.h"
#include "tests/server/pipeline_fixture.h"

namespace bayespfl::server {
namespace {

using ::testing::ElementsAre;

class PipelineTimelineTest : public PipelineTest {
 protected:
  static FrameRequest Watched(uint64_t seed = 1) {
    FrameRequest request = MakeRequest(seed);
    request.timeline = std::make_shared<FrameTimeline>();
    return request;
  }

  static std::vector<FrameStep> Steps(const FrameTimeline& timeline) {
    std::vector<FrameStep> steps;
    for (const FrameInterval& interval : timeline.steps) steps.push_back(interval.step);
    return steps;
  }

  // One thing after the other, from the arrival to the answer.
  static void ExpectInOrder(const FrameTimeline& timeline, SteadyTime arrival) {
    ASSERT_TRUE(timeline.accepted.has_value() && timeline.answered.has_value());
    SteadyTime last = *timeline.accepted;
    EXPECT_GE(last, arrival);
    for (const FrameInterval& interval : timeline.steps) {
      EXPECT_GE(interval.start, last);
      EXPECT_GE(interval.end, interval.start);
      last = interval.end;
    }
    EXPECT_GE(*timeline.answered, last);
  }
};

TEST_F(PipelineTimelineTest, AnAnsweredFrameHasPassedEverything) {
  FrameRequest request = Watched();
  const auto timeline = request.timeline;
  const SteadyTime arrival = request.arrival;

  ASSERT_TRUE(pipeline_->Submit(std::move(request), results_.Add()).ok());
  ASSERT_TRUE(results_.Wait(1)[0].ok());

  EXPECT_THAT(Steps(*timeline), ElementsAre(FrameStep::kDecodeQueue, FrameStep::kDecode, FrameStep::kExecuteQueue,
                                            FrameStep::kExecute, FrameStep::kRenderQueue, FrameStep::kRender));
  ExpectInOrder(*timeline, arrival);
  EXPECT_EQ(timeline->steps[3].batch, 1);
  EXPECT_TRUE(timeline->status.ok());
  EXPECT_EQ(timeline->model, "fake");
}

TEST_F(PipelineTimelineTest, ABatchIsCounted) {
  HoldModel();
  std::vector<std::shared_ptr<FrameTimeline>> timelines;
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    FrameRequest request = Watched(seed);
    timelines.push_back(request.timeline);
    ASSERT_TRUE(pipeline_->Submit(std::move(request), results_.Add()).ok());
  }
  ASSERT_TRUE(Eventually([this] { return observer_.waiting_for_model == 3; }));

  detector_->Release();
  results_.Wait(4);

  for (const auto& timeline : timelines) EXPECT_EQ(timeline->steps.at(3).batch, 3);
}

TEST_F(PipelineTimelineTest, AFailedDeviceMakesItTakeTheStepsAgain) {
  detector_->FailCalls(1);
  FrameRequest request = Watched();
  const auto timeline = request.timeline;

  ASSERT_TRUE(pipeline_->Submit(std::move(request), results_.Add()).ok());
  ASSERT_TRUE(results_.Wait(1)[0].ok());

  EXPECT_THAT(Steps(*timeline),
              ElementsAre(FrameStep::kDecodeQueue, FrameStep::kDecode, FrameStep::kExecuteQueue, FrameStep::kExecute,
                          FrameStep::kExecuteQueue, FrameStep::kExecute, FrameStep::kRenderQueue, FrameStep::kRender));
  EXPECT_TRUE(timeline->steps[3].failed);
  EXPECT_FALSE(timeline->steps[5].failed);
}

TEST_F(PipelineTimelineTest, AFrameThatCannotBePreparedEndsThere) {
  FrameRequest request = Watched(kUnpreparableSeed);
  const auto timeline = request.timeline;

  ASSERT_TRUE(pipeline_->Submit(std::move(request), results_.Add()).ok());
  ASSERT_FALSE(results_.Wait(1)[0].ok());

  EXPECT_THAT(Steps(*timeline), ElementsAre(FrameStep::kDecodeQueue, FrameStep::kDecode));
  EXPECT_TRUE(timeline->steps[1].failed);
  EXPECT_TRUE(absl::IsInvalidArgument(timeline->status));
}

TEST_F(PipelineTimelineTest, AFrameThatExpiresWhileItWaitsHasWaitedUntilThen) {
  HoldModel();
  FrameRequest request = Watched();
  const auto timeline = request.timeline;
  request.deadline = absl::Now() + absl::Milliseconds(500);

  ASSERT_TRUE(pipeline_->Submit(std::move(request), results_.Add()).ok());
  ASSERT_TRUE(absl::IsDeadlineExceeded(results_.Wait(1)[0].status()));

  ASSERT_THAT(Steps(*timeline), ElementsAre(FrameStep::kDecodeQueue, FrameStep::kDecode, FrameStep::kExecuteQueue));
  EXPECT_GE(timeline->steps[2].end - *timeline->accepted, std::chrono::milliseconds(50));
  detector_->Release();
}

TEST_F(PipelineTimelineTest, ARefusedFrameWasNeverAccepted) {
  pipeline_->Drain();
  FrameRequest request = Watched();
  const auto timeline = request.timeline;

  ASSERT_FALSE(pipeline_->Submit(std::move(request), results_.Add()).ok());

  EXPECT_FALSE(timeline->accepted.has_value());
  EXPECT_TRUE(timeline->answered.has_value());
  EXPECT_TRUE(absl::IsUnavailable(timeline->status));
  EXPECT_TRUE(timeline->steps.empty());
}

}  // namespace
}  // namespace bayespfl::server
