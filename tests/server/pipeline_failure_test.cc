// Devices that fail: retries, rebuilt and lost replicas.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "tests/server/pipeline_fixture.h"

namespace bayespfl::server {
namespace {

TEST_F(PipelineTest, OneFailingFrameFailsAlone) {
  HoldModel();
  for (const uint64_t seed : {uint64_t{1}, kFailingSeed, uint64_t{2}}) {
    ASSERT_TRUE(pipeline_->Submit(MakeRequest(seed), results_.Add()).ok());
  }
  detector_->Release();

  const std::vector<FrameResult> results = results_.Wait(4);

  int internal = 0;
  for (const FrameResult& result : results) internal += result.status().code() == absl::StatusCode::kInternal ? 1 : 0;
  EXPECT_EQ(internal, 1);
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

  EXPECT_EQ(results_.Wait(1)[0].status().code(), absl::StatusCode::kInternal);
  ASSERT_TRUE(pipeline_->Submit(MakeRequest(43), results_.Add()).ok());
  EXPECT_TRUE(results_.Wait(2)[1].ok());
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
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    // Later ones may be refused already.
    if (!pipeline_->Submit(MakeRequest(seed), results_.Add()).ok()) break;
  }
  ASSERT_TRUE(Eventually([&] { return observer_.in_flight.load() == 0; }));

  EXPECT_EQ(observer_.answered.load(), 0);
  EXPECT_EQ(pipeline_->Healthy().code(), absl::StatusCode::kInternal);
  EXPECT_EQ(pipeline_->Submit(MakeRequest(), results_.Add()).code(), absl::StatusCode::kInternal);
}

}  // namespace
}  // namespace bayespfl::server
