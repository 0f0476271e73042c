// Devices that fail: retries, rebuilt and lost replicas.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
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
using ::testing::IsEmpty;

// Another server may have what this one has lost: safe to send again.
void ExpectNoReplica(const absl::Status& status) {
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  EXPECT_EQ(ReasonOf(status), ErrorReason::kNoReplica) << status;
}

class PipelineFailureTest : public PipelineTest {
 protected:
  // Submits frames with these seeds while the model is held up, so that they wait together.
  void SubmitTogether(const std::vector<uint64_t>& seeds) {
    HoldModel();
    for (const uint64_t seed : seeds) ASSERT_TRUE(pipeline_->Submit(MakeRequest(seed), results_.Add()).ok());
    const auto count = static_cast<int>(seeds.size());
    ASSERT_TRUE(Eventually([&] { return observer_.waiting_for_model.load() == count; }));
  }
  // The reasons of those that failed.
  static std::vector<ErrorReason> Reasons(const std::vector<FrameResult>& results) {
    std::vector<ErrorReason> reasons;
    for (const FrameResult& result : results) {
      if (!result.ok()) reasons.push_back(ReasonOf(result.status()));
    }
    return reasons;
  }
};

TEST_F(PipelineFailureTest, OneFailingFrameFailsAloneAndTheOthersAreNotComputedAgain) {
  SubmitTogether({1, kFailingSeed, 2});
  detector_->Release();

  EXPECT_THAT(Reasons(results_.Wait(4)), ElementsAre(ErrorReason::kDeviceFailed));
  // The warm-up frames, of seed 0, say that the device is well; a stop would keep the last one back, which comes when
  // the frame has its answer already.
  ASSERT_TRUE(Eventually([&] { return detector_->batches().size() == 7; }));
  pipeline_->Shutdown();
  EXPECT_THAT(detector_->batches(),
              ElementsAre(ElementsAre(0), ElementsAre(1, kFailingSeed, 2), ElementsAre(0), ElementsAre(kFailingSeed),
                          ElementsAre(0), ElementsAre(kFailingSeed), ElementsAre(0)));
  EXPECT_EQ(detector_->rebuilds(), 0);
}

TEST_F(PipelineFailureTest, AFrameThatBringsItsBatchDownCostsNobodyElseAnything) {
  SubmitTogether({1, 2, kPoisonSeed, 3});
  detector_->Release();

  const std::vector<FrameResult> results = results_.Wait(5);

  EXPECT_THAT(Reasons(results), ElementsAre(ErrorReason::kDeviceFailed));
  EXPECT_EQ(detector_->rebuilds(), 0) << "the device is well";
  EXPECT_EQ(observer_.lost_replicas, 0);
  EXPECT_TRUE(pipeline_->Healthy().ok());
}

TEST_F(PipelineFailureTest, FramesOfABatchThatFailedAreTriedAloneAndWithoutYoungerOnes) {
  SubmitTogether({1, kPoisonSeed, 2, 3});
  ASSERT_TRUE(pipeline_->Submit(MakeRequest(4), results_.Add()).ok());
  ASSERT_TRUE(Eventually([&] { return observer_.waiting_for_model.load() == 5; }));
  detector_->Release();
  results_.Wait(6);
  pipeline_->Shutdown();

  for (const std::vector<uint64_t>& batch : detector_->batches()) {
    EXPECT_TRUE(batch.size() == 1 || batch == std::vector<uint64_t>({1, kPoisonSeed, 2, 3}));
  }
  EXPECT_EQ(observer_.answered, 5);
}

class NotANumberTest : public PipelineFailureTest, public ::testing::WithParamInterface<uint64_t> {};

INSTANTIATE_TEST_SUITE_P(Pipeline, NotANumberTest, ::testing::Values(kNanMapSeed, kNanScoreSeed, kNanDeviationSeed));

TEST_P(NotANumberTest, IsAnErrorOfItsFrameAndNoFailureOfTheDevice) {
  std::array<Results, 3> results;
  HoldModel();
  for (size_t i = 0; i < results.size(); ++i) {
    FrameRequest request = MakeRequest(i == 1 ? GetParam() : i);
    request.options.deviation_map = MapEncoding::kPng8;
    ASSERT_TRUE(pipeline_->Submit(std::move(request), results[i].Add()).ok());
  }
  ASSERT_TRUE(Eventually([&] { return observer_.waiting_for_model.load() == 3; }));
  detector_->Release();

  const absl::Status failed = results[1].Wait(1)[0].status();
  EXPECT_EQ(failed.code(), absl::StatusCode::kInternal) << failed;
  EXPECT_EQ(ReasonOf(failed), ErrorReason::kInternal);
  EXPECT_THAT(std::string(failed.message()), HasSubstr("not a number"));
  for (const size_t other : {0U, 2U}) {
    const FrameResult result = results[other].Wait(1)[0];
    EXPECT_TRUE(result.ok()) << result.status();
  }
  pipeline_->Shutdown();
  EXPECT_THAT(detector_->batches(), ElementsAre(ElementsAre(0), ElementsAre(0, GetParam(), 2)))
      << "something was computed again, or a warm-up frame looked for a fault of the device";
  EXPECT_EQ(detector_->rebuilds(), 0);
  EXPECT_EQ(observer_.rebuilt_replicas, 0);
  EXPECT_EQ(observer_.lost_replicas, 0);
  EXPECT_TRUE(pipeline_->Healthy().ok());
}

TEST_F(PipelineFailureTest, AReplicaThatCannotDoAWarmUpFrameEitherIsRebuilt) {
  detector_->BreakUntilRebuilt();
  ASSERT_TRUE(pipeline_->Submit(MakeRequest(42), results_.Add()).ok());

  EXPECT_TRUE(results_.Wait(1)[0].ok());
  EXPECT_EQ(detector_->rebuilds(), 1);
  EXPECT_EQ(observer_.rebuilt_replicas.load(), 1);
  EXPECT_TRUE(pipeline_->Healthy().ok());
}

TEST_F(PipelineFailureTest, ABatchOnABrokenDeviceIsNoFramesFault) {
  SubmitTogether({1, 2, 3, 4});
  detector_->BreakUntilRebuilt();
  detector_->Release();

  const std::vector<FrameResult> results = results_.Wait(5);

  EXPECT_THAT(Reasons(results), IsEmpty());
  EXPECT_EQ(detector_->rebuilds(), 1);
}

TEST_F(PipelineFailureTest, ARebuiltReplicaHasRunABatchOfEverySizeBeforeItServes) {
  detector_->BreakUntilRebuilt();
  ASSERT_TRUE(pipeline_->Submit(MakeRequest(42), results_.Add()).ok());
  results_.Wait(1);

  EXPECT_THAT(detector_->batches(), ElementsAre(ElementsAre(42), ElementsAre(0), ElementsAre(0), ElementsAre(0, 0),
                                                ElementsAre(0, 0, 0), ElementsAre(0, 0, 0, 0), ElementsAre(42)));
}

TEST_F(PipelineFailureTest, AFrameThatIsTriedOnceMoreIsNotPreparedAgain) {
  detector_->FailCalls(1);
  ASSERT_TRUE(pipeline_->Submit(MakeRequest(42), results_.Add()).ok());

  EXPECT_TRUE(results_.Wait(1)[0].ok());
  EXPECT_EQ(detector_->frames(), 3U) << "twice, and a warm-up frame";
  EXPECT_EQ(detector_->map_sizes().size(), 2U) << "once, and the warm-up frame";
}

TEST_F(PipelineFailureTest, TheSecondFailureOfAFrameAloneIsItsAnswer) {
  ASSERT_TRUE(pipeline_->Submit(MakeRequest(kPoisonSeed), results_.Add()).ok());

  const absl::Status failed = results_.Wait(1)[0].status();
  EXPECT_EQ(failed.code(), absl::StatusCode::kInternal);
  EXPECT_EQ(ReasonOf(failed), ErrorReason::kDeviceFailed);
  ASSERT_TRUE(pipeline_->Submit(MakeRequest(43), results_.Add()).ok());
  EXPECT_TRUE(results_.Wait(2)[1].ok());
  EXPECT_EQ(detector_->rebuilds(), 0);
}

TEST_F(PipelineFailureTest, ABatchWithoutRoomIsComputedInParts) {
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

TEST_F(PipelineFailureTest, APartOfOneFrameRanAlone) {
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

TEST_F(PipelineFailureTest, AFrameThatDoesNotFitAloneIsTriedOnceMore) {
  detector_->LimitBatch(0);
  detector_->Hold();
  ASSERT_TRUE(pipeline_->Submit(MakeRequest(42), results_.Add()).ok());
  detector_->WaitForCalls(1);
  detector_->LimitBatch(8);
  detector_->Release();

  EXPECT_TRUE(results_.Wait(1)[0].ok());
}

TEST_F(PipelineFailureTest, AFrameThatIsTooLargeTwiceIsAnsweredWhatToChange) {
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

TEST_F(PipelineFailureTest, AnotherReplicaTakesTheBatchOfOneThatIsLost) {
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

TEST_F(PipelineFailureTest, WithoutReplicasEveryFrameIsAnsweredAndHealthyTells) {
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
