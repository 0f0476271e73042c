// Devices that hang: their frames are answered all the same, and exactly once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "server/pipeline/error_reason.h"
#include "tests/server/pipeline_fixture.h"

namespace bayespfl::server {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

void ExpectHung(const absl::Status& status) {
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  EXPECT_EQ(ReasonOf(status), ErrorReason::kDeviceHung) << status;
  EXPECT_EQ(RetryDelayOf(status), std::nullopt);
}

// One decoding thread, batches of one frame, and little patience.
PipelineOptions Impatient(int replicas = 1) {
  PipelineOptions options;
  options.max_frames_in_flight = 64;
  options.max_batch = 1;
  options.max_batch_time = milliseconds(20);
  options.replicas = replicas;
  return options;
}

class PipelineHangTest : public PipelineTest {
 protected:
  void SetUp() override { MakeImpatient(1); }
  void TearDown() override {
    other_->Release();
    PipelineTest::TearDown();
  }
  void MakeImpatient(int replicas) {
    PipelineOptions options = Impatient(replicas);
    options.on_replica_change = [this] { ++changes_; };
    options.on_overdue = [this](const std::string& model, size_t replica, ReplicaWork /*work*/) {
      EXPECT_EQ(model, "fake");
      EXPECT_EQ(replica, 0U);
      ++told_;
    };
    Make(options);
  }
  void Submit(uint64_t seed = 1) { ASSERT_TRUE(pipeline_->Submit(MakeRequest(seed), results_.Add()).ok()); }

  const std::shared_ptr<FakeDetector> other_ = std::make_shared<FakeDetector>();
  std::atomic<int> changes_{0};
  std::atomic<int> told_{0};
};

TEST_F(PipelineHangTest, TheFramesOfItsBatchAndThoseThatWaitForItAreAnswered) {
  detector_->Hold();
  for (uint64_t seed = 0; seed < 12; ++seed) Submit(seed);  // more than fit into the line before the model

  for (const FrameResult& result : results_.Wait(12)) ExpectHung(result.status());

  EXPECT_EQ(detector_->batches().size(), 1U) << "it still hangs";
  EXPECT_EQ(observer_.in_flight, 0);
  EXPECT_EQ(observer_.queued, 0);
  EXPECT_EQ(observer_.overdue_batches, 1);
  EXPECT_EQ(told_, 1);
}

TEST_F(PipelineHangTest, LaterFramesAreRefused) {
  detector_->Hold();
  Submit();
  results_.Wait(1);
  ASSERT_TRUE(Eventually([&] { return changes_ > 0; }));

  const absl::Status refused = pipeline_->Submit(MakeRequest(), results_.Add());

  ExpectHung(refused);
  EXPECT_EQ(RefusalOf(refused), Refusal::kDeviceHung);
  EXPECT_TRUE(absl::IsUnavailable(pipeline_->Healthy()));
  EXPECT_THAT(std::string(pipeline_->Healthy().message()), HasSubstr("replica 0 hangs"));
  EXPECT_TRUE(absl::IsUnavailable(pipeline_->Ready()));
}

TEST_F(PipelineHangTest, WhatTheBatchGivesAfterAllIsDroppedAndTheReplicaWorksAgain) {
  detector_->Hold();
  Submit();
  ExpectHung(results_.Wait(1)[0].status());
  detector_->Release();
  ASSERT_TRUE(Eventually([&] { return pipeline_->Healthy().ok(); }));

  Submit(2);

  EXPECT_TRUE(results_.Wait(2)[1].ok());
  pipeline_->Shutdown();
  EXPECT_EQ(results_.Wait(2).size(), 2U);
  EXPECT_EQ(observer_.answered, 1);
  EXPECT_EQ(observer_.failed, 1);
  EXPECT_EQ(observer_.rebuilt_replicas, 0);
  EXPECT_GE(changes_, 2);
}

TEST_F(PipelineHangTest, ALateFailureIsDroppedToo) {
  detector_->Hold();
  Submit(kPoisonSeed);
  ExpectHung(results_.Wait(1)[0].status());
  detector_->Release();
  ASSERT_TRUE(Eventually([&] { return pipeline_->Healthy().ok(); }));
  pipeline_->Shutdown();

  EXPECT_EQ(results_.Wait(1).size(), 1U);
  EXPECT_EQ(detector_->frames(), 1U) << "it is not tried again";
}

TEST_F(PipelineHangTest, OtherReplicasGoOnAndTheServerStaysReady) {
  MakeImpatient(2);
  pipeline_->SetModels(OneModel({detector_, other_}));
  ASSERT_TRUE(pipeline_->Healthy().ok());
  detector_->Hold();
  size_t sent = 0;
  while (detector_->batches().empty()) {  // until the one that will hang has had its turn
    Submit(sent);
    ++sent;
    if (detector_->batches().empty()) results_.Wait(sent);
  }
  ASSERT_TRUE(Eventually([&] { return !pipeline_->Healthy().ok(); }));
  for (int i = 0; i < 5; ++i, ++sent) Submit(sent);

  const std::vector<FrameResult> results = results_.Wait(sent);

  EXPECT_EQ(observer_.failed, 1) << "the one that was inside";
  EXPECT_EQ(observer_.answered, static_cast<int>(sent) - 1);
  EXPECT_FALSE(pipeline_->Healthy().ok()) << "nothing but a restart frees the device";
}

TEST_F(PipelineHangTest, AHungThreadServesNoOtherModelEither) {
  ModelSet models = OneModel({detector_});
  models.models["other"] = std::make_shared<ServedModel>("other", ReplicasOf({other_}));
  pipeline_->SetModels(models);
  detector_->Hold();
  Submit();
  detector_->WaitForCalls(1);
  FrameRequest request = MakeRequest();
  request.options.model = "other";
  const absl::Status submitted = pipeline_->Submit(std::move(request), results_.Add());

  ExpectHung(results_.Wait(1)[0].status());
  ExpectHung(submitted.ok() ? results_.Wait(2)[1].status() : submitted);
  EXPECT_EQ(other_->frames(), 0U);
}

TEST_F(PipelineHangTest, ARebuildThatTakesLongIsToldAndCostsNoFrame) {
  detector_->BreakUntilRebuilt();
  std::atomic<bool> go_on{false};
  const Reload slow = [&]() -> absl::StatusOr<std::shared_ptr<const Detector>> {
    EXPECT_TRUE(Eventually([&] { return go_on.load(); }));
    EXPECT_TRUE(detector_->Rebuild().ok());
    return detector_;
  };
  auto replica = std::make_shared<Replica>(detector_, slow);
  auto model = std::make_shared<ServedModel>("fake", Replicas{replica});
  pipeline_->SetModels({.models = {{"fake", model}}, .default_model = "fake"});
  Submit();

  EXPECT_TRUE(Eventually([&] { return told_ > 0; }));
  EXPECT_EQ(observer_.overdue_rebuilds, 1);
  EXPECT_EQ(observer_.overdue_batches, 0);
  EXPECT_EQ(observer_.failed, 0);
  EXPECT_TRUE(pipeline_->Healthy().ok());
  go_on = true;

  EXPECT_TRUE(results_.Wait(1)[0].ok());
}

TEST_F(PipelineHangTest, WithoutALimitNothingIsOverdue) {
  PipelineOptions options = Impatient();
  options.max_batch_time = milliseconds(0);
  Make(options);
  detector_->TakePerFrame(milliseconds(40));
  Submit();

  EXPECT_TRUE(results_.Wait(1)[0].ok());
  EXPECT_EQ(observer_.overdue_batches, 0);
}

TEST_F(PipelineHangTest, EveryFrameIsAnsweredExactlyOnceWhenBatchesEndAsTheyAreGivenUp) {
  PipelineOptions options = Impatient(2);
  options.max_batch = 3;
  options.max_batch_time = milliseconds(2);
  Make(options);
  pipeline_->SetModels(OneModel({detector_, other_}));
  detector_->TakePerFrame(milliseconds(1));
  other_->TakePerFrame(milliseconds(1));
  constexpr size_t kFrames = 300;
  std::vector<std::atomic<int>> answers(kFrames);
  std::vector<int> accepted(kFrames);
  for (size_t i = 0; i < kFrames; ++i) {
    const auto count = [&answers, i](const FrameResult&) { ++answers[i]; };
    if (i % 40 == 0) detector_->FailCalls(1);
    absl::Status status;
    do {
      status = pipeline_->Submit(MakeRequest(i + 1000), count);
    } while (absl::IsResourceExhausted(status));
    accepted[i] = status.ok() ? 1 : 0;
  }
  pipeline_->Shutdown();

  for (size_t i = 0; i < kFrames; ++i) EXPECT_EQ(answers[i].load(), accepted[i]) << i;
  EXPECT_EQ(observer_.in_flight, 0);
  EXPECT_EQ(observer_.queued, 0);
}

}  // namespace
}  // namespace bayespfl::server
