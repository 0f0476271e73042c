// What the pipeline tells about itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "server/pipeline/pipeline.h"
#include "tests/server/pipeline_fixture.h"

namespace bayespfl::server {
namespace {

using ::testing::UnorderedElementsAre;

constexpr int64_t kPictureBytes = 4 * 2;       // of MakeRequest()
constexpr int64_t kPreparedBytes = 4 * 2 * 3;  // of what the stand-in model prepares of it

TEST_F(PipelineTest, TellsTheBytesOfFramesInFlightAndInQueues) {
  HoldModel();
  ASSERT_TRUE(pipeline_->Submit(MakeRequest(1), results_.Add()).ok());

  EXPECT_EQ(observer_.bytes_in_flight, 2 * kPictureBytes);
  EXPECT_TRUE(Eventually([&] { return observer_.queued_bytes == kPreparedBytes; }));
  detector_->Release();
  results_.Wait(2);

  EXPECT_EQ(observer_.bytes_in_flight, 0);
  EXPECT_EQ(observer_.queued_bytes, 0);
}

TEST_F(PipelineTest, GivesTheBytesOfAFrameThatIsSkippedBack) {
  HoldModel();
  FrameId id = 0;
  ASSERT_TRUE(pipeline_->Submit(MakeRequest(1), results_.Add(), &id).ok());
  ASSERT_TRUE(Eventually([&] { return observer_.queued_bytes == kPreparedBytes; }));

  ASSERT_TRUE(pipeline_->Skip(id, SkipFrom::kBeforeModel, SkippedStatus()));

  EXPECT_EQ(observer_.queued_bytes, 0);
  EXPECT_EQ(observer_.bytes_in_flight, kPictureBytes);
}

TEST_F(PipelineTest, AReplicaIsBusyWhileItComputes) {
  EXPECT_EQ(observer_.busy_replicas, 0);
  HoldModel();

  EXPECT_EQ(observer_.busy_replicas, 1);
  detector_->Release();
  results_.Wait(1);

  EXPECT_EQ(observer_.busy_replicas, 0);
}

TEST_F(PipelineTest, TellsWhoseFramesEndedAndWhetherTheirModelIsKnown) {
  FrameRequest good = MakeRequest();
  good.client = "good";
  FrameRequest invalid = MakeRequest();
  invalid.client = "invalid";
  invalid.options.category.category = "<|";
  FrameRequest lost = MakeRequest();
  lost.client = "lost";
  lost.options.model = "nowhere";

  ASSERT_TRUE(pipeline_->Submit(std::move(good), results_.Add()).ok());
  EXPECT_TRUE(absl::IsInvalidArgument(pipeline_->Submit(std::move(invalid), results_.Add())));
  EXPECT_EQ(observer_.failed_without_model, 0);
  EXPECT_TRUE(absl::IsNotFound(pipeline_->Submit(std::move(lost), results_.Add())));

  EXPECT_EQ(observer_.failed_without_model, 1);
  results_.Wait(1);
  EXPECT_THAT(observer_.clients(), UnorderedElementsAre("good", "invalid", "lost"));
}

}  // namespace
}  // namespace bayespfl::server
