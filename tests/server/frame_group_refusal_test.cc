// Groups of which a frame is refused before the pipeline takes it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/api/frame_group.h"
#include "server/pipeline/error_reason.h"
#include "tests/server/pipeline_fixture.h"

namespace bayespfl::server {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;
using ::testing::StartsWith;

class FrameGroupRefusalTest : public PipelineTest {
 protected:
  // Frames with the seeds 1 and 2, of the client "camera", the second as `change` leaves it; the model answers once
  // Wait() is called.
  void SubmitTwo(const std::function<void(FrameRequest& second)>& change = {}) {
    detector_->Hold();
    std::vector<FrameRequest> frames = {MakeRequest(1), MakeRequest(2)};
    if (change) change(frames[1]);
    for (FrameRequest& frame : frames) frame.client = "camera";
    SubmitGroup(*pipeline_, std::move(frames), /*max_map_bytes=*/1000, std::make_shared<CancellationToken>(),
                [this](GroupResult answer) { answered_.set_value(std::move(answer)); });
  }

  GroupResult Wait() {
    detector_->Release();
    return answered_.get_future().get();
  }

 private:
  std::promise<GroupResult> answered_;
};

TEST_F(FrameGroupRefusalTest, WhatAClientMayNotSendTogetherIsRefusedAsAWhole) {
  std::vector<std::pair<std::string, size_t>> asked;
  PipelineOptions options;
  options.admit = [&asked](const std::string& client, size_t frames) {
    asked.emplace_back(client, frames);
    return WithRetryDelay(absl::ResourceExhaustedError("too fast"), absl::Milliseconds(1234));
  };
  Make(options);

  SubmitTwo();
  const GroupResult result = Wait();

  EXPECT_THAT(asked, ElementsAre(Pair("camera", 2)));
  EXPECT_EQ(result.status().message(), "too fast");
  EXPECT_EQ(RetryDelayOf(result.status()), absl::Milliseconds(1234));
  EXPECT_EQ(RefusalOf(result.status()), Refusal::kClientLimit);
  EXPECT_EQ(observer_.Refused(Refusal::kClientLimit), 2);
  EXPECT_TRUE(detector_->batches().empty());
}

TEST_F(FrameGroupRefusalTest, WhatFindsNoRoomIsRefusedAsAWholeAndKeepsItsReason) {
  Make({.image_limits = {}, .max_frames_in_flight = 2, .max_batch = 1});
  HoldModel();

  SubmitTwo();
  const GroupResult result = Wait();

  EXPECT_THAT(std::string(result.status().message()), StartsWith("the server is full: 1 frames in flight"));
  EXPECT_EQ(RefusalOf(result.status()), Refusal::kQueueFull);
  EXPECT_EQ(ReasonOf(result.status()), ErrorReason::kQueueFull);
}

TEST_F(FrameGroupRefusalTest, AFrameThatIsWrongIsNamed) {
  SubmitTwo([](FrameRequest& second) { second.options.category.category = "<|endoftext|>"; });
  const GroupResult result = Wait();

  EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(result.status().message()), StartsWith("image[1]: "));
  EXPECT_EQ(detector_->frames(), 0U);
}

}  // namespace
}  // namespace bayespfl::server
