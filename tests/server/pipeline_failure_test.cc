// Devices that fail: retries, rebuilt and lost replicas.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "server/pipeline/error_reason.h"
#include "tests/server/pipeline_fixture.h"

namespace bayespfl::server {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Another server may have what this one has lost: safe to send again.
void ExpectNoReplica(const absl::Status& status) {
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  EXPECT_EQ(ReasonOf(status), ErrorReason::kNoReplica) << status;
}

TEST_F(PipelineTest, OneFailingFrameFailsAlone) {
  HoldModel();
  for (const uint64_t seed : {uint64_t{1}, kFailingSeed, uint64_t{2}}) {
    ASSERT_TRUE(pipeline_->Submit(MakeRequest(seed), results_.Add()).ok());
  }
  ASSERT_TRUE(Eventually([&] { return observer_.waiting_for_model.load() == 3; }));  // one batch
  detector_->Release();

  const std::vector<FrameResult> results = results_.Wait(4);

  std::vector<ErrorReason> reasons;
  for (const FrameResult& result : results) {
    if (!result.ok()) reasons.push_back(ReasonOf(result.status()));
  }
  EXPECT_THAT(reasons, ElementsAre(ErrorReason::kInternal));
}

TEST_F(PipelineTest, AFailedBatchIsTriedOnceMoreOnTheRebuiltReplica) {
  detector_->FailCalls(1);
  ASSERT_TRUE(pipeline_->Submit(MakeRequest(42), results_.Add()).ok());

  EXPECT_TRUE(results_.Wait(1)[0].ok());
  EXPECT_EQ(detector_->rebuilds(), 1);
  EXPECT_EQ(observer_.rebuilt_replicas.load(), 1);
  EXPECT_TRUE(pipeline_->Healthy().ok());
}

TEST_F(PipelineTest, AFrameThatIsTriedOnceMoreIsNotPreparedAgain) {
  detector_->FailCalls(1);
  ASSERT_TRUE(pipeline_->Submit(MakeRequest(42), results_.Add()).ok());

  EXPECT_TRUE(results_.Wait(1)[0].ok());
  EXPECT_EQ(detector_->frames(), 2U);
  EXPECT_EQ(detector_->map_sizes().size(), 1U);
}

TEST_F(PipelineTest, TheSecondFailureOfAFrameIsItsAnswer) {
  detector_->FailCalls(2);
  ASSERT_TRUE(pipeline_->Submit(MakeRequest(42), results_.Add()).ok());

  const absl::Status failed = results_.Wait(1)[0].status();
  EXPECT_EQ(failed.code(), absl::StatusCode::kInternal);
  EXPECT_EQ(ReasonOf(failed), ErrorReason::kDeviceFailed);
  ASSERT_TRUE(pipeline_->Submit(MakeRequest(43), results_.Add()).ok());
  EXPECT_TRUE(results_.Wait(2)[1].ok());
}

TEST_F(PipelineTest, ABatchWithoutRoomIsComputedInParts) {
  HoldModel();
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    ASSERT_TRUE(pipeline_->Submit(MakeRequest(seed), results_.Add()).ok());
  }
  ASSERT_TRUE(Eventually([&] { return observer_.waiting_for_model.load() == 4; }));
  detector_->LimitBatch(1);
  detector_->Release();

  for (const FrameResult& result : results_.Wait(5)) EXPECT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(detector_->batches(),
              ElementsAre(ElementsAre(0), ElementsAre(1, 2, 3, 4), ElementsAre(1, 2), ElementsAre(1), ElementsAre(2),
                          ElementsAre(3, 4), ElementsAre(3), ElementsAre(4)));
  EXPECT_EQ(observer_.frames_without_room.load(), 8);
  EXPECT_EQ(detector_->rebuilds(), 0);
}

TEST_F(PipelineTest, APartOfOneFrameRanAlone) {
  HoldModel();
  for (const uint64_t seed : {uint64_t{1}, uint64_t{2}}) {
    ASSERT_TRUE(pipeline_->Submit(MakeRequest(seed), results_.Add()).ok());
  }
  ASSERT_TRUE(Eventually([&] { return observer_.waiting_for_model.load() == 2; }));
  detector_->LimitBatch(1);
  detector_->Release();

  for (const FrameResult& result : results_.Wait(3)) {
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_TRUE(result->inspection.provenance.ran_alone);
  }
}

TEST_F(PipelineTest, AFrameThatDoesNotFitAloneIsTriedOnceMore) {
  detector_->LimitBatch(0);
  detector_->Hold();
  ASSERT_TRUE(pipeline_->Submit(MakeRequest(42), results_.Add()).ok());
  detector_->WaitForCalls(1);
  detector_->LimitBatch(8);
  detector_->Release();

  EXPECT_TRUE(results_.Wait(1)[0].ok());
}

TEST_F(PipelineTest, AFrameThatIsTooLargeTwiceIsAnsweredWhatToChange) {
  detector_->LimitBatch(0);
  FrameRequest request = MakeRequest(42);
  request.options.category.samples = 9;
  request.options.deviation_map = MapEncoding::kPng16;
  ASSERT_TRUE(pipeline_->Submit(std::move(request), results_.Add()).ok());

  const absl::Status failed = results_.Wait(1)[0].status();
  EXPECT_EQ(failed.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReasonOf(failed), ErrorReason::kFrameTooLarge);
  EXPECT_EQ(RetryDelayOf(failed), std::nullopt);
  EXPECT_THAT(failed.message(), AllOf(HasSubstr("the memory of cpu: 9 samples"), HasSubstr("its deviation"),
                                      HasSubstr("8 x 8 pixels"), HasSubstr("out of memory")));
  EXPECT_EQ(detector_->frames(), 2U);
  EXPECT_EQ(detector_->rebuilds(), 0);
}

TEST_F(PipelineTest, AnotherReplicaTakesTheBatchOfOneThatIsLost) {
  auto broken = std::make_shared<FakeDetector>();
  broken->FailCalls(1000);
  broken->AllowRebuilds(0);
  pipeline_ =
      Pipeline::Create({.image_limits = {}, .max_frames_in_flight = 64, .max_batch = 1, .replicas = 2}, observer_);
  pipeline_->SetModels(OneModel({broken, detector_}));
  // Until the broken one has had its turn.
  size_t sent = 0;
  while (broken->rebuilds() == 0) {
    ASSERT_TRUE(pipeline_->Submit(MakeRequest(sent), results_.Add()).ok());
    results_.Wait(++sent);
  }

  for (const FrameResult& result : results_.Wait(sent)) EXPECT_TRUE(result.ok()) << result.status();
  ASSERT_TRUE(Eventually([&] { return observer_.lost_replicas.load() == 1; }));
  EXPECT_TRUE(pipeline_->Healthy().ok());
}

TEST_F(PipelineTest, WithoutReplicasEveryFrameIsAnsweredAndHealthyTells) {
  detector_->FailCalls(1000);
  detector_->AllowRebuilds(0);
  size_t accepted = 0;
  // Later ones may be refused already.
  while (accepted < 5 && pipeline_->Submit(MakeRequest(accepted), results_.Add()).ok()) ++accepted;

  for (const FrameResult& result : results_.Wait(accepted)) ExpectNoReplica(result.status());
  ExpectNoReplica(pipeline_->Submit(MakeRequest(), results_.Add()));
  ExpectNoReplica(pipeline_->Healthy());
}

}  // namespace
}  // namespace bayespfl::server
