// Frames that are answered without the model: expired, cancelled, skipped.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <latch>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "tests/server/pipeline_fixture.h"

namespace bayespfl::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A deadline that Submit() still meets on a busy machine, and that a test can wait for.
constexpr absl::Duration kSoon = absl::Milliseconds(300);

TEST_F(PipelineTest, AnExpiredFrameNeverReachesTheModelAndNamesItsStage) {
  HoldModel();
  FrameRequest request = MakeRequest(7);
  request.deadline = absl::Now() + kSoon;
  const absl::Time deadline = request.deadline;
  ASSERT_TRUE(pipeline_->Submit(std::move(request), results_.Add()).ok());
  while (absl::Now() <= deadline) std::this_thread::yield();
  detector_->Release();

  const std::vector<FrameResult> results = results_.Wait(2);

  absl::Status expired;
  for (const FrameResult& result : results) expired.Update(result.status());
  EXPECT_EQ(expired.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(std::string(expired.message()), ::testing::ContainsRegex("stage (decode|execute)"));
  EXPECT_THAT(detector_->batches(), ElementsAre(ElementsAre(0U)));
}

TEST_F(PipelineTest, RefusesAFrameWhoseDeadlineHasPassed) {
  FrameRequest request = MakeRequest();
  request.deadline = absl::Now() - absl::Seconds(1);

  const absl::Status status = pipeline_->Submit(std::move(request), results_.Add());

  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(std::string(status.message()), HasSubstr("stage admission"));
}

TEST_F(PipelineTest, AFrameExpiresWhileItWaitsAndNotWhenTheModelIsFree) {
  HoldModel();
  FrameRequest request = MakeRequest(7);
  request.deadline = absl::Now() + kSoon;
  ASSERT_TRUE(pipeline_->Submit(std::move(request), results_.Add()).ok());

  const FrameResult result = results_.Wait(1)[0];  // the model is still held

  EXPECT_EQ(result.status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(observer_.waiting_for_model.load(), 0);
  detector_->Release();
  results_.Wait(2);
  EXPECT_THAT(detector_->batches(), ElementsAre(ElementsAre(0U)));
}

TEST_F(PipelineTest, AnEarlierDeadlineWakesTheTimer) {
  HoldModel();
  for (const absl::Duration time : {absl::Hours(1), kSoon}) {
    FrameRequest request = MakeRequest(7);
    request.deadline = absl::Now() + time;
    ASSERT_TRUE(pipeline_->Submit(std::move(request), results_.Add()).ok());
  }

  EXPECT_EQ(results_.Wait(1)[0].status().code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_F(PipelineTest, ACancelledFrameNeverReachesTheModel) {
  HoldModel();
  auto token = std::make_shared<CancellationToken>();
  FrameRequest request = MakeRequest(7);
  request.cancellation = token;
  ASSERT_TRUE(pipeline_->Submit(std::move(request), results_.Add()).ok());
  token->Cancel();
  detector_->Release();

  const std::vector<FrameResult> results = results_.Wait(2);

  EXPECT_EQ(observer_.failed.load(), 1);
  EXPECT_THAT(detector_->batches(), ElementsAre(ElementsAre(0U)));
}

TEST_F(PipelineTest, ACancelledFrameLeavesAtOnce) {
  HoldModel();
  auto token = std::make_shared<CancellationToken>();
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    FrameRequest request = MakeRequest(seed);
    if (seed != 2) request.cancellation = token;
    ASSERT_TRUE(pipeline_->Submit(std::move(request), results_.Add()).ok());
  }

  pipeline_->Cancel(*token);

  const std::vector<FrameResult> results = results_.Wait(2);  // the model is still held
  EXPECT_EQ(results[0].status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(results[1].status().code(), absl::StatusCode::kCancelled);
  detector_->Release();
  results_.Wait(4);
  EXPECT_THAT(detector_->batches(), ElementsAre(ElementsAre(0U), ElementsAre(2U)));
}

TEST_F(PipelineTest, ASkippedFrameIsAnsweredWithItsReason) {
  HoldModel();
  FrameId id = 0;
  ASSERT_TRUE(pipeline_->Submit(MakeRequest(7), results_.Add(), &id).ok());
  ASSERT_TRUE(Eventually([&] { return observer_.waiting_for_model.load() == 1; }));

  EXPECT_TRUE(pipeline_->Skip(id, SkipFrom::kAnyLine, absl::AbortedError("skipped")));

  EXPECT_EQ(results_.Wait(1)[0].status().code(), absl::StatusCode::kAborted);
  EXPECT_FALSE(pipeline_->Skip(id, SkipFrom::kAnyLine, absl::AbortedError("skipped")));
  detector_->Release();
  results_.Wait(2);
  EXPECT_THAT(detector_->batches(), ElementsAre(ElementsAre(0U)));
}

TEST_F(PipelineTest, AFrameInsideTheModelCannotBeSkipped) {
  detector_->Hold();
  FrameId id = 0;
  ASSERT_TRUE(pipeline_->Submit(MakeRequest(7), results_.Add(), &id).ok());
  detector_->WaitForCalls(1);

  EXPECT_FALSE(pipeline_->Skip(id, SkipFrom::kAnyLine, absl::AbortedError("skipped")));
}

TEST_F(PipelineTest, WhatTheModelHasComputedIsSkippedOnlyWhenAskedFor) {
  Make({.image_limits = {}, .max_frames_in_flight = 8, .max_batch = 1, .render_threads = 1});
  std::latch first_answered(1);
  std::latch go_on(1);
  ASSERT_TRUE(pipeline_
                  ->Submit(MakeRequest(0),
                           [&](const FrameResult& /*result*/) {  // holds up the only thread that renders
                             first_answered.count_down();
                             go_on.wait();
                           })
                  .ok());
  first_answered.wait();
  FrameId id = 0;
  EXPECT_TRUE(pipeline_->Submit(MakeRequest(7), results_.Add(), &id).ok());
  EXPECT_TRUE(Eventually([&] { return observer_.waiting_to_render.load() == 1; }));

  EXPECT_FALSE(pipeline_->Skip(id, SkipFrom::kBeforeModel, absl::AbortedError("skipped")));
  EXPECT_TRUE(pipeline_->Skip(id, SkipFrom::kAnyLine, absl::AbortedError("skipped")));

  EXPECT_EQ(results_.Wait(1)[0].status().code(), absl::StatusCode::kAborted);

  go_on.count_down();
  pipeline_->Shutdown();  // whoever waits for the latches has seen them
}

}  // namespace
}  // namespace bayespfl::server
