// Which frames the model takes next, and how many at once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "tests/server/pipeline_fixture.h"

namespace bayespfl::server {
namespace {

using ::testing::ElementsAre;

TEST_F(PipelineTest, TakesWhatIsWaitingUpToMaxBatchAndNoMore) {
  HoldModel();
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    ASSERT_TRUE(pipeline_->Submit(MakeRequest(seed), results_.Add()).ok());
  }
  ASSERT_TRUE(Eventually([&] { return observer_.waiting_for_model.load() == 6; }));
  detector_->Release();
  results_.Wait(7);

  EXPECT_THAT(detector_->batches(), ElementsAre(ElementsAre(0U), ElementsAre(1U, 2U, 3U, 4U), ElementsAre(5U, 6U)));
}

// The stand-in's usual number of samples is 3, so that a batch may have 12.
TEST_F(PipelineTest, ABatchHasNoMoreSamplesThanMaxBatchUsualFrames) {
  HoldModel();
  for (const auto& [seed, samples] : {std::pair(1U, 6), std::pair(2U, 5), std::pair(3U, 2), std::pair(4U, 1)}) {
    FrameRequest request = MakeRequest(seed);
    request.options.category.samples = samples;
    ASSERT_TRUE(pipeline_->Submit(std::move(request), results_.Add()).ok());
    ASSERT_TRUE(Eventually([&] { return observer_.waiting_for_model.load() == static_cast<int>(seed); }));
  }
  detector_->Release();
  results_.Wait(5);

  EXPECT_THAT(detector_->batches(), ElementsAre(ElementsAre(0U), ElementsAre(1U, 2U, 4U), ElementsAre(3U)));
}

TEST_F(PipelineTest, AFrameWithMoreSamplesThanABatchMayHaveRunsAlone) {
  HoldModel();
  for (const auto& [seed, samples] : {std::pair(1U, 64), std::pair(2U, 1)}) {
    FrameRequest request = MakeRequest(seed);
    request.options.category.samples = samples;
    ASSERT_TRUE(pipeline_->Submit(std::move(request), results_.Add()).ok());
    ASSERT_TRUE(Eventually([&] { return observer_.waiting_for_model.load() == static_cast<int>(seed); }));
  }
  detector_->Release();
  results_.Wait(3);

  EXPECT_THAT(detector_->batches(), ElementsAre(ElementsAre(0U), ElementsAre(1U), ElementsAre(2U)));
}

TEST_F(PipelineTest, HighPriorityComesFirst) {
  Make({.image_limits = {}, .max_frames_in_flight = 8, .max_batch = 1});
  HoldModel();
  for (const auto& [seed, priority] : {std::pair(1, Priority::kLow), std::pair(2, Priority::kHigh)}) {
    FrameRequest request = MakeRequest(static_cast<uint64_t>(seed));
    request.options.priority = priority;
    ASSERT_TRUE(pipeline_->Submit(std::move(request), results_.Add()).ok());
    ASSERT_TRUE(Eventually([&] { return observer_.waiting_for_model.load() == seed; }));
  }
  detector_->Release();
  results_.Wait(3);

  EXPECT_THAT(detector_->batches(), ElementsAre(ElementsAre(0U), ElementsAre(2U), ElementsAre(1U)));
}

TEST_F(PipelineTest, AnOldFrameOfLowPriorityIsNotStarved) {
  Make({.image_limits = {}, .max_frames_in_flight = 8, .max_batch = 1});
  HoldModel();
  FrameRequest old = MakeRequest(1);
  old.options.priority = Priority::kLow;
  old.arrival -= std::chrono::seconds(6);  // more than the delay of low priority
  FrameRequest young = MakeRequest(2);
  young.options.priority = Priority::kHigh;
  ASSERT_TRUE(pipeline_->Submit(std::move(young), results_.Add()).ok());
  ASSERT_TRUE(pipeline_->Submit(std::move(old), results_.Add()).ok());
  ASSERT_TRUE(Eventually([&] { return observer_.waiting_for_model.load() == 2; }));
  detector_->Release();
  results_.Wait(3);

  EXPECT_THAT(detector_->batches(), ElementsAre(ElementsAre(0U), ElementsAre(1U), ElementsAre(2U)));
}

TEST_F(PipelineTest, ASoonerDeadlineComesFirstAmongEquals) {
  Make({.image_limits = {}, .max_frames_in_flight = 8, .max_batch = 1});
  HoldModel();
  ASSERT_TRUE(pipeline_->Submit(MakeRequest(1), results_.Add()).ok());
  FrameRequest urgent = MakeRequest(2);
  urgent.deadline = absl::Now() + absl::Milliseconds(800);
  ASSERT_TRUE(pipeline_->Submit(std::move(urgent), results_.Add()).ok());
  ASSERT_TRUE(Eventually([&] { return observer_.waiting_for_model.load() == 2; }));
  detector_->Release();
  results_.Wait(3);

  EXPECT_THAT(detector_->batches(), ElementsAre(ElementsAre(0U), ElementsAre(2U), ElementsAre(1U)));
}

}  // namespace
}  // namespace bayespfl::server
