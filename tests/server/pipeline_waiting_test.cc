// Frames that wait at the pipeline's door while it is full, and those that give way to younger ones.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
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
using ::testing::SizeIs;

// Pipelines whose slots are taken by frames that the model does not finish before Release().
class PipelineWaitingTest : public PipelineTest {
 protected:
  static PipelineOptions TwoSlots() { return {.image_limits = {}, .max_frames_in_flight = 2, .max_batch = 1}; }

  void Fill(const PipelineOptions& options) {
    Make(options);
    HoldModel();
    for (int i = 1; i < options.max_frames_in_flight; ++i) {
      ASSERT_TRUE(pipeline_->Submit(MakeRequest(0), results_.Add(), i == 1 ? &next_ : nullptr).ok());
    }
    full_ = static_cast<size_t>(options.max_frames_in_flight);
  }

  FrameRequest Waiting(uint64_t seed = 1, Priority priority = Priority::kNormal) {
    FrameRequest request = MakeRequest(seed);
    request.options.priority = priority;
    request.on_entered = [this] { ++entered_; };
    return request;
  }

  // The seeds of the frames that the model has had, in order, without those that filled the pipeline.
  std::vector<uint64_t> Computed() const {
    std::vector<uint64_t> seeds;
    for (const auto& batch : detector_->batches()) {
      for (const uint64_t seed : batch) {
        if (seed != 0) seeds.push_back(seed);
      }
    }
    return seeds;
  }

  std::atomic<int> entered_{0};
  size_t full_ = 0;   // frames that filled the pipeline
  FrameId next_ = 0;  // of them: the first that waits before the model
};

TEST_F(PipelineWaitingTest, FramesWaitForASlotAndComeInByArrival) {
  Fill(TwoSlots());
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    ASSERT_TRUE(pipeline_->Submit(Waiting(seed), results_.Add()).ok());
  }
  EXPECT_EQ(entered_, 0);
  EXPECT_EQ(pipeline_->frames_in_flight(), 2);
  EXPECT_EQ(observer_.waiting_at_door, 5);

  detector_->Release();

  for (const FrameResult& result : results_.Wait(full_ + 5)) EXPECT_TRUE(result.ok()) << result.status();
  EXPECT_TRUE(Eventually([&] { return entered_ == 5; }));
  EXPECT_THAT(Computed(), ElementsAre(1, 2, 3, 4, 5));
  EXPECT_EQ(observer_.waiting_at_door, 0);
  EXPECT_EQ(observer_.Refused(Refusal::kQueueFull), 0);
  EXPECT_TRUE(Eventually([&] { return observer_.in_flight == 0 && observer_.bytes_in_flight == 0; }));
}

TEST_F(PipelineWaitingTest, AFrameComesInAtOnceWhenThereIsRoom) {
  Fill(TwoSlots());
  detector_->Release();
  results_.Wait(full_);

  ASSERT_TRUE(pipeline_->Submit(Waiting(), results_.Add()).ok());

  EXPECT_EQ(entered_, 1);
  EXPECT_TRUE(results_.Wait(full_ + 1).back().ok());
  EXPECT_EQ(entered_, 1);
}

TEST_F(PipelineWaitingTest, AFrameThatCannotWaitFindsASlotThatThoseWhoWaitMayNotTake) {
  Make({.image_limits = {}, .max_frames_in_flight = 8, .max_batch = 1});
  detector_->Hold();
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    ASSERT_TRUE(pipeline_->Submit(Waiting(seed), results_.Add()).ok());
  }
  EXPECT_EQ(pipeline_->frames_in_flight(), 7);

  EXPECT_TRUE(pipeline_->Submit(MakeRequest(), results_.Add()).ok());
  EXPECT_FALSE(pipeline_->Submit(MakeRequest(), results_.Add()).ok());
}

TEST_F(PipelineWaitingTest, LowPriorityThatWaitsDoesNotHoldUpOthers) {
  Fill({.image_limits = {}, .max_frames_in_flight = 4, .max_batch = 1});  // low priority: three of them
  ASSERT_TRUE(pipeline_->Submit(Waiting(1, Priority::kLow), results_.Add()).ok());
  FrameRequest later = Waiting(2);
  later.arrival += std::chrono::minutes(1);  // behind the one of low priority, by rank
  ASSERT_TRUE(pipeline_->Submit(std::move(later), results_.Add()).ok());
  ASSERT_EQ(observer_.waiting_at_door, 2);

  ASSERT_TRUE(Eventually([&] { return pipeline_->Skip(next_, SkipFrom::kBeforeModel, SkippedStatus()); }));

  EXPECT_EQ(observer_.waiting_at_door, 1);
  EXPECT_EQ(entered_, 1);
  EXPECT_EQ(pipeline_->frames_in_flight(), 4);
}

TEST_F(PipelineWaitingTest, ADeadlineThatPassesAtTheDoorIsToldAtThatMoment) {
  Fill(TwoSlots());
  FrameRequest request = Waiting();
  request.deadline = absl::Now() + absl::Milliseconds(20);
  ASSERT_TRUE(pipeline_->Submit(std::move(request), results_.Add()).ok());

  const FrameResult result = results_.Wait(1).front();

  EXPECT_EQ(result.status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(std::string(result.status().message()), HasSubstr("admission"));
  EXPECT_TRUE(Eventually([&] { return entered_ == 1; }));
  EXPECT_EQ(observer_.waiting_at_door, 0);
  EXPECT_EQ(pipeline_->frames_in_flight(), 2);
}

TEST_F(PipelineWaitingTest, AFrameThatIsCancelledLeavesTheDoor) {
  Fill(TwoSlots());
  auto token = std::make_shared<CancellationToken>();
  FrameRequest request = Waiting();
  request.cancellation = token;
  ASSERT_TRUE(pipeline_->Submit(std::move(request), results_.Add()).ok());

  pipeline_->Cancel(*token);

  EXPECT_EQ(results_.Wait(1).front().status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(entered_, 1);
  EXPECT_EQ(observer_.waiting_at_door, 0);
}

TEST_F(PipelineWaitingTest, ADrainAnswersThoseWhoWaitAndEnds) {
  Fill(TwoSlots());
  constexpr size_t kWaiting = 100;
  for (size_t i = 0; i < kWaiting; ++i) ASSERT_TRUE(pipeline_->Submit(Waiting(), results_.Add()).ok());
  pipeline_->Drain();
  detector_->Release();

  pipeline_->Shutdown();

  const std::vector<FrameResult> results = results_.Wait(full_ + kWaiting);
  size_t unavailable = 0;
  for (const FrameResult& result : results) unavailable += absl::IsUnavailable(result.status()) ? 1 : 0;
  EXPECT_EQ(unavailable, kWaiting);
  EXPECT_EQ(entered_, kWaiting);
  EXPECT_EQ(observer_.Refused(Refusal::kDraining), kWaiting);
  EXPECT_EQ(observer_.in_flight, 0);
}

TEST_F(PipelineWaitingTest, NoMoreFramesWaitThanMay) {
  Fill({.image_limits = {}, .max_frames_in_flight = 2, .max_frames_waiting = 3, .max_batch = 1});
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(pipeline_->Submit(Waiting(), results_.Add()).ok());

  const absl::Status refused = pipeline_->Submit(Waiting(), results_.Add());

  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("3 frames wait for a place, max_frames_waiting = 3"));
  EXPECT_EQ(entered_, 0);
  EXPECT_EQ(observer_.waiting_at_door, 3);
}

TEST_F(PipelineWaitingTest, NoMoreBytesWaitThanMayBeInside) {
  Make({.image_limits = {}, .max_frames_in_flight = 2, .max_bytes_in_flight = 20, .max_batch = 1});  // 8 bytes each
  HoldModel();
  for (uint64_t seed = 1; seed <= 3; ++seed) {  // one has a place
    ASSERT_TRUE(pipeline_->Submit(Waiting(seed), results_.Add()).ok());
  }
  ASSERT_EQ(observer_.waiting_at_door, 2);
  EXPECT_EQ(observer_.bytes_at_door, 16);

  const absl::Status refused = pipeline_->Submit(Waiting(4), results_.Add());

  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(refused.message()),
              HasSubstr("16 bytes of pictures wait for a place, max_bytes_in_flight = 20"));
  EXPECT_EQ(observer_.bytes_at_door, 16);
  detector_->Release();
  results_.Wait(4);
  EXPECT_EQ(observer_.bytes_at_door, 0);
  ASSERT_TRUE(pipeline_->Submit(Waiting(4), results_.Add()).ok()) << "they have left";
}

TEST_F(PipelineWaitingTest, APictureThatIsLargerThanAllMayWaitAlone) {
  Make({.image_limits = {}, .max_frames_in_flight = 1, .max_bytes_in_flight = 7, .max_batch = 1});
  HoldModel();

  EXPECT_TRUE(pipeline_->Submit(Waiting(1), results_.Add()).ok());
  EXPECT_FALSE(pipeline_->Submit(Waiting(2), results_.Add()).ok());
}

TEST_F(PipelineWaitingTest, FramesWaitForBytesToo) {
  Make({.image_limits = {}, .max_frames_in_flight = 8, .max_bytes_in_flight = 20, .max_batch = 1});  // 8 bytes each
  detector_->Hold();
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    ASSERT_TRUE(pipeline_->Submit(Waiting(seed), results_.Add()).ok());
  }
  EXPECT_EQ(observer_.waiting_at_door, 2);
  EXPECT_EQ(observer_.bytes_in_flight, 16);

  detector_->Release();

  EXPECT_TRUE(Eventually([&] { return observer_.answered == 4; }));
}

// ---- Of each client -------------------------------------------------------------------------------------------------

TEST_F(PipelineWaitingTest, AClientWithAsManyFramesAsItMayHaveIsRefusedAndOthersAreNot) {
  Make({.image_limits = {}, .max_frames_in_flight = 8, .max_frames_in_flight_per_client = 2, .max_batch = 1});
  detector_->Hold();
  const auto submit = [this](const std::string& client) {
    FrameRequest request = MakeRequest();
    request.client = client;
    return pipeline_->Submit(std::move(request), results_.Add());
  };
  ASSERT_TRUE(submit("a").ok());
  ASSERT_TRUE(submit("a").ok());

  const absl::Status refused = submit("a");

  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(RefusalOf(refused), Refusal::kClientLimit);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("2 frames in flight, max_frames_in_flight_per_client = 2"));
  EXPECT_TRUE(submit("b").ok());
  detector_->Release();
  results_.Wait(3);
  EXPECT_TRUE(submit("a").ok());
}

TEST_F(PipelineWaitingTest, AClientsBytesAreBoundedButForASinglePicture) {
  Make({.image_limits = {}, .max_frames_in_flight = 8, .max_bytes_in_flight_per_client = 7, .max_batch = 1});
  detector_->Hold();
  FrameRequest request = MakeRequest();  // 8 bytes
  request.client = "a";
  FrameRequest second = request;
  ASSERT_TRUE(pipeline_->Submit(std::move(request), results_.Add()).ok());

  const absl::Status refused = pipeline_->Submit(std::move(second), results_.Add());

  EXPECT_EQ(RefusalOf(refused), Refusal::kClientLimit);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("8 bytes of pictures in flight"));
}

TEST_F(PipelineWaitingTest, AClientThatWaitsForItsOwnFramesHoldsUpNobodyElse) {
  Make({.image_limits = {}, .max_frames_in_flight = 8, .max_frames_in_flight_per_client = 1, .max_batch = 1});
  detector_->Hold();
  const auto submit = [this](const std::string& client) {
    FrameRequest request = Waiting();
    request.client = client;
    return pipeline_->Submit(std::move(request), results_.Add());
  };
  ASSERT_TRUE(submit("a").ok());
  ASSERT_TRUE(submit("a").ok());
  EXPECT_EQ(entered_, 1);

  ASSERT_TRUE(submit("b").ok());

  EXPECT_EQ(entered_, 2);
  EXPECT_EQ(observer_.waiting_at_door, 1);
  detector_->Release();
  for (const FrameResult& result : results_.Wait(3)) EXPECT_TRUE(result.ok()) << result.status();
}

// ---- Giving way ----------------------------------------------------------------------------------------------------

TEST_F(PipelineWaitingTest, AYoungerFrameTakesTheSlotOfAnOlderOneAlthoughOthersWait) {
  Make(TwoSlots());
  HoldModel();
  FrameId older = 0;
  Results stream;
  ASSERT_TRUE(pipeline_->Submit(MakeRequest(1), stream.Add(), &older).ok());
  ASSERT_TRUE(pipeline_->Submit(Waiting(2), results_.Add()).ok());
  ASSERT_EQ(observer_.waiting_at_door, 1);
  ASSERT_TRUE(Eventually([&] { return observer_.waiting_for_model == 1; }));

  FrameRequest younger = MakeRequest(3);
  younger.gives_way = {older};
  ASSERT_TRUE(pipeline_->Submit(std::move(younger), stream.Add()).ok());

  EXPECT_TRUE(server::IsSkipped(stream.Wait(1).front().status()));
  EXPECT_EQ(observer_.waiting_at_door, 1);
  EXPECT_EQ(pipeline_->frames_in_flight(), 2);
  detector_->Release();
  EXPECT_TRUE(stream.Wait(2).back().ok());
  EXPECT_TRUE(Eventually([&] { return observer_.in_flight == 0 && observer_.bytes_in_flight == 0; }));
}

TEST_F(PipelineWaitingTest, AnOlderFrameOfAClientAtItsLimitGivesWay) {
  Make({.image_limits = {},
        .max_frames_in_flight = 8,
        .max_frames_in_flight_per_client = 2,
        .max_bytes_in_flight_per_client = 16,
        .max_batch = 1});
  HoldModel();
  FrameRequest first = MakeRequest(1);
  first.client = "a";
  FrameRequest second = first;
  FrameRequest third = first;
  FrameId older = 0;
  ASSERT_TRUE(pipeline_->Submit(std::move(first), results_.Add(), &older).ok());
  ASSERT_TRUE(pipeline_->Submit(std::move(second), results_.Add()).ok());
  ASSERT_TRUE(Eventually([&] { return observer_.waiting_for_model == 2; }));
  third.gives_way = {older};

  ASSERT_TRUE(pipeline_->Submit(std::move(third), results_.Add()).ok());

  EXPECT_TRUE(server::IsSkipped(results_.Wait(1).front().status()));
  EXPECT_EQ(pipeline_->frames_in_flight(), 3);
}

TEST_F(PipelineWaitingTest, NobodyGivesWayWhileThereIsRoom) {
  Make({.image_limits = {}, .max_frames_in_flight = 3, .max_batch = 1});
  HoldModel();
  FrameId older = 0;
  ASSERT_TRUE(pipeline_->Submit(MakeRequest(1), results_.Add(), &older).ok());
  FrameRequest younger = MakeRequest(2);
  younger.gives_way = {older};

  ASSERT_TRUE(pipeline_->Submit(std::move(younger), results_.Add()).ok());

  EXPECT_EQ(observer_.failed, 0);
  EXPECT_EQ(pipeline_->frames_in_flight(), 3);
}

TEST_F(PipelineWaitingTest, AFrameWhoseOlderOnesAreAllInsideAStageIsRefused) {
  Fill(TwoSlots());
  FrameRequest younger = MakeRequest(1);
  younger.gives_way = {12345};

  EXPECT_EQ(pipeline_->Submit(std::move(younger), results_.Add()).code(), absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace bayespfl::server
