// How much the pipeline takes: frames, bytes, decoded pictures.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "tests/server/pipeline_fixture.h"

namespace bayespfl::server {
namespace {

using ::testing::HasSubstr;

TEST_F(PipelineTest, RefusesAtOnceWhenFullAndNamesDepthAndSetting) {
  Make({.image_limits = {}, .max_frames_in_flight = 2, .max_batch = 1});
  detector_->Hold();
  ASSERT_TRUE(pipeline_->Submit(MakeRequest(), results_.Add()).ok());
  ASSERT_TRUE(pipeline_->Submit(MakeRequest(), results_.Add()).ok());

  const absl::Status status = pipeline_->Submit(MakeRequest(), results_.Add());

  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()), HasSubstr("2 frames in flight, max_frames_in_flight = 2"));
  detector_->Release();
  results_.Wait(2);
}

TEST_F(PipelineTest, TakesFramesAgainAfterOneWasAnswered) {
  Make({.image_limits = {}, .max_frames_in_flight = 1, .max_batch = 1});
  for (size_t i = 1; i <= 20; ++i) {
    ASSERT_TRUE(pipeline_->Submit(MakeRequest(), results_.Add()).ok()) << i;
    results_.Wait(i);
  }
}

TEST_F(PipelineTest, LowPriorityMayFillThreeQuarters) {
  Make({.image_limits = {}, .max_frames_in_flight = 4, .max_batch = 1});
  detector_->Hold();
  const auto submit = [this](Priority priority) {
    FrameRequest request = MakeRequest();
    request.options.priority = priority;
    return pipeline_->Submit(std::move(request), results_.Add());
  };
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(submit(Priority::kLow).ok());

  const absl::Status refused = submit(Priority::kLow);

  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("low priority"));
  EXPECT_TRUE(submit(Priority::kNormal).ok());
}

TEST_F(PipelineTest, RefusesMoreBytesThanTheLimitAndNamesIt) {
  Make({.image_limits = {}, .max_frames_in_flight = 8, .max_bytes_in_flight = 20, .max_batch = 1});
  detector_->Hold();
  ASSERT_TRUE(pipeline_->Submit(MakeRequest(), results_.Add()).ok());  // 8 bytes each
  ASSERT_TRUE(pipeline_->Submit(MakeRequest(), results_.Add()).ok());

  const absl::Status refused = pipeline_->Submit(MakeRequest(), results_.Add());

  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("16 bytes of pictures in flight, max_bytes_in_flight = 20"));
  detector_->Release();
  results_.Wait(2);
  EXPECT_TRUE(pipeline_->Submit(MakeRequest(), results_.Add()).ok());
}

// Callbacks run in the rendering thread: slow ones are slow rendering. The model is quick.
TEST_F(PipelineTest, MapsThatWaitToBeRenderedAreBounded) {
  constexpr size_t kFrames = 40;
  Make({.image_limits = {}, .max_frames_in_flight = kFrames, .max_decoded_bytes = 30, .max_batch = 1});
  for (size_t i = 0; i < kFrames; ++i) {
    const auto slow = [add = results_.Add()](FrameResult result) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      add(std::move(result));
    };
    ASSERT_TRUE(pipeline_->Submit(MakeRequest(), slow).ok());
  }

  results_.Wait(kFrames);

  // One in the line, one that the model's thread holds back, and one just taken of which that is not told yet.
  EXPECT_LE(observer_.most_waiting_to_render, 3);
}

TEST_F(PipelineTest, DecodedPicturesThatWaitAreBounded) {
  Make({.image_limits = {}, .max_frames_in_flight = 8, .max_decoded_bytes = 30, .max_batch = 4});  // 24 bytes each
  HoldModel();
  for (uint64_t seed = 1; seed <= 7; ++seed) {
    ASSERT_TRUE(pipeline_->Submit(MakeRequest(seed), results_.Add()).ok());
  }
  // One in the line, one that waits for its place there.
  ASSERT_TRUE(Eventually([&] { return observer_.waiting_for_model.load() >= 2; }));
  detector_->Release();
  results_.Wait(8);

  for (const auto& batch : detector_->batches()) EXPECT_EQ(batch.size(), 1U);
}

}  // namespace
}  // namespace bayespfl::server
