// Why frames are refused, as those who count refusals see it.
#include "server/pipeline/refusal.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "tests/server/pipeline_fixture.h"

namespace bayespfl::server {
namespace {

TEST(RefusalTest, EveryReasonHasANameOfItsOwnAndTravelsWithAStatus) {
  std::set<absl::string_view> names;
  for (size_t i = 0; i < kRefusals; ++i) {
    const auto refusal = static_cast<Refusal>(i);
    EXPECT_TRUE(names.insert(RefusalName(refusal)).second) << RefusalName(refusal);
    EXPECT_EQ(RefusalOf(WithRefusal(absl::UnavailableError("no"), refusal)), refusal);
  }
}

TEST(RefusalTest, AStatusWithoutOneHasNone) {
  EXPECT_EQ(RefusalOf(absl::OkStatus()), std::nullopt);
  EXPECT_EQ(RefusalOf(absl::ResourceExhaustedError("queue_full")), std::nullopt);
}

class FrameRefusalTest : public PipelineTest {
 protected:
  // The frame is refused for `refusal`, the caller learns it, and it is counted once.
  void ExpectRefused(FrameRequest request, Refusal refusal) {
    const absl::Status status = pipeline_->Submit(std::move(request), results_.Add());
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(RefusalOf(status), refusal) << status;
    EXPECT_EQ(observer_.Refused(refusal), 1);
    EXPECT_EQ(observer_.failed, 1);
  }
};

TEST_F(FrameRefusalTest, TooManyFramesAreAFullQueue) {
  Make({.image_limits = {}, .max_frames_in_flight = 1, .max_batch = 1});
  HoldModel();

  ExpectRefused(MakeRequest(), Refusal::kQueueFull);
}

TEST_F(FrameRefusalTest, TooManyBytesAreAnotherReason) {
  Make({.image_limits = {}, .max_frames_in_flight = 8, .max_bytes_in_flight = 8});
  HoldModel();

  ExpectRefused(MakeRequest(), Refusal::kBytesFull);
}

TEST_F(FrameRefusalTest, AClientThatMayNotSendNowIsOverItsLimit) {
  PipelineOptions options;
  options.admit = [](const std::string& /*client*/, size_t /*frames*/) {
    return absl::ResourceExhaustedError("too fast");
  };
  Make(options);

  ExpectRefused(MakeRequest(), Refusal::kClientLimit);
}

TEST_F(FrameRefusalTest, WhatAClientMayNeverSendIsInvalid) {
  PipelineOptions options;
  options.admit = [](const std::string& /*client*/, size_t /*frames*/) {
    return absl::InvalidArgumentError("too many");
  };
  Make(options);

  ExpectRefused(MakeRequest(), Refusal::kInvalid);
}

TEST_F(FrameRefusalTest, WithoutAModelTheServerIsNotReady) {
  pipeline_ = Pipeline::Create({}, observer_);

  ExpectRefused(MakeRequest(), Refusal::kNotReady);
}

TEST_F(FrameRefusalTest, AServerThatStopsIsDraining) {
  pipeline_->Drain();

  ExpectRefused(MakeRequest(), Refusal::kDraining);
}

TEST_F(FrameRefusalTest, AModelThatIsNotThereIsUnknown) {
  FrameRequest request = MakeRequest();
  request.options.model = "other";

  ExpectRefused(std::move(request), Refusal::kUnknownModel);
}

TEST_F(FrameRefusalTest, AModelThatLostItsDevicesHasNoReplica) {
  detector_->BreakUntilRebuilt();
  detector_->AllowRebuilds(0);
  ASSERT_TRUE(pipeline_->Submit(MakeRequest(), results_.Add()).ok());
  ASSERT_FALSE(results_.Wait(1)[0].ok());

  EXPECT_EQ(RefusalOf(pipeline_->Submit(MakeRequest(), results_.Add())), Refusal::kNoReplica);
  EXPECT_EQ(observer_.Refused(Refusal::kNoReplica), 1);
}

TEST_F(FrameRefusalTest, ACategoryThatTheModelRefusesIsInvalid) {
  FrameRequest request = MakeRequest();
  request.options.category.category = "<|endoftext|>";

  ExpectRefused(std::move(request), Refusal::kInvalid);
}

TEST_F(FrameRefusalTest, AnObjectThatTheModelRefusesIsInvalidWhateverTheCategory) {
  FrameRequest request = MakeRequest();
  request.options.category = {.category = "leather", .object = "<|endoftext|>"};

  ExpectRefused(std::move(request), Refusal::kInvalid);
}

TEST_F(FrameRefusalTest, ADeadlineInThePastIsExpired) {
  FrameRequest request = MakeRequest();
  request.deadline = absl::Now() - absl::Seconds(1);

  ExpectRefused(std::move(request), Refusal::kExpired);
}

TEST_F(FrameRefusalTest, AClientThatHasLeftIsCancelled) {
  auto token = std::make_shared<CancellationToken>();
  token->Cancel();
  FrameRequest request = MakeRequest();
  request.cancellation = token;

  ExpectRefused(std::move(request), Refusal::kCancelled);
}

TEST_F(FrameRefusalTest, AFrameThatWasAcceptedAndFailsWasNotRefused) {
  ASSERT_TRUE(pipeline_->Submit(MakeRequest(kFailingSeed), results_.Add()).ok());

  const FrameResult result = results_.Wait(1)[0];

  ASSERT_FALSE(result.ok());
  EXPECT_EQ(RefusalOf(result.status()), std::nullopt);
}

TEST_F(FrameRefusalTest, EveryQueueTellsHowLongAFrameWaited) {
  ASSERT_TRUE(pipeline_->Submit(MakeRequest(), results_.Add()).ok());
  results_.Wait(1);

  EXPECT_EQ(observer_.waits, 3);
  EXPECT_EQ(observer_.negative_waits, 0);
}

}  // namespace
}  // namespace bayespfl::server
