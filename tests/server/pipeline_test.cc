// Which thread does what, and which frames the pipeline does not take.
#include "server/pipeline/pipeline.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "server/pipeline/error_reason.h"
#include "tests/server/pipeline_fixture.h"

namespace bayespfl::server {
namespace {

TEST_F(PipelineTest, ReleasesTheEncodedBytesAfterDecoding) {
  FrameRequest request = MakeRequest();
  const std::weak_ptr<const void> owner = request.owner;
  detector_->Hold();
  ASSERT_TRUE(pipeline_->Submit(std::move(request), results_.Add()).ok());

  detector_->WaitForCalls(1);

  EXPECT_TRUE(owner.expired());
}

// The device's thread gets what others made ready, and leaves the rest to others.
TEST_F(PipelineTest, ThreadsThatComputeNeitherPrepareNorFinish) {
  Make({.image_limits = {}, .max_frames_in_flight = 8, .max_batch = 2, .decode_threads = 2, .render_threads = 2});
  for (uint64_t seed = 1; seed <= 8; ++seed) ASSERT_TRUE(pipeline_->Submit(MakeRequest(seed), results_.Add()).ok());
  for (const FrameResult& result : results_.Wait(8)) ASSERT_TRUE(result.ok()) << result.status();

  const FakeDetector::Threads threads = detector_->threads();

  ASSERT_EQ(threads.compute.size(), 1U);
  EXPECT_FALSE(threads.prepare.contains(*threads.compute.begin()));
  EXPECT_FALSE(threads.finish.contains(*threads.compute.begin()));
}

TEST_F(PipelineTest, FramesAreDecodedAndPreparedWhileTheModelComputesOthers) {
  HoldModel();
  ASSERT_TRUE(pipeline_->Submit(MakeRequest(1), results_.Add()).ok());

  detector_->WaitForPrepared(2);  // would not end if the thread that is held had to do it

  EXPECT_EQ(detector_->frames(), 1U);
}

TEST_F(PipelineTest, AFrameThatCannotBePreparedFailsAlone) {
  HoldModel();
  ASSERT_TRUE(pipeline_->Submit(MakeRequest(1), results_.Add()).ok());
  ASSERT_TRUE(pipeline_->Submit(MakeRequest(kUnpreparableSeed), results_.Add()).ok());

  EXPECT_EQ(results_.Wait(1)[0].status(), absl::InvalidArgumentError("the picture cannot be prepared"));
  detector_->Release();
  const std::vector<FrameResult> results = results_.Wait(3);
  EXPECT_TRUE(results[1].ok());
  EXPECT_TRUE(results[2].ok());
}

TEST_F(PipelineTest, RefusesFramesBeforeTheModelIsLoaded) {
  pipeline_ = Pipeline::Create({}, observer_);

  const absl::Status status = pipeline_->Submit(MakeRequest(), results_.Add());

  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReasonOf(status), ErrorReason::kNotReady);
}

TEST_F(PipelineTest, RefusesAFrameWhoseClientMayNotSendNow) {
  PipelineOptions options;
  options.admit = [](const std::string& client, size_t /*frames*/) {
    return client == "eager" ? absl::ResourceExhaustedError("too fast") : absl::OkStatus();
  };
  Make(options);
  FrameRequest eager = MakeRequest();
  eager.client = "eager";
  FrameRequest patient = MakeRequest();
  patient.client = "patient";

  const absl::Status refused = pipeline_->Submit(std::move(eager), results_.Add());
  ASSERT_TRUE(pipeline_->Submit(std::move(patient), results_.Add()).ok());

  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(refused.message(), "too fast");
  EXPECT_TRUE(results_.Wait(1)[0].ok());
}

TEST_F(PipelineTest, RefusesACategoryThatTheModelRefuses) {
  FrameRequest request = MakeRequest();
  request.options.category.category = "<|endoftext|>";

  EXPECT_EQ(pipeline_->Submit(std::move(request), results_.Add()).code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace bayespfl::server
