// Groups of which a frame is refused before the pipeline takes it.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/api/frame_group.h"
#include "server/api/status.h"
#include "tests/server/pipeline_fixture.h"

namespace bayespfl::server {
namespace {

class FrameGroupRefusalTest : public PipelineTest {
 protected:
  // A pipeline that admits the first frame alone, and says when the next may come.
  void SetUp() override {
    PipelineOptions options;
    options.admit = [this](const std::string& /*client*/) {
      if (admitted_.fetch_add(1) == 0) return absl::OkStatus();
      return WithRetryInfo(absl::ResourceExhaustedError("too fast"), absl::Milliseconds(1234));
    };
    Make(options);
  }

  // The result of frames with the seeds 1 and 2.
  GroupResult SubmitTwo() {
    auto answered = std::make_shared<std::promise<GroupResult>>();
    std::future<GroupResult> result = answered->get_future();
    SubmitGroup(*pipeline_, {MakeRequest(1), MakeRequest(2)}, /*max_map_bytes=*/1000,
                std::make_shared<CancellationToken>(),
                [answered](GroupResult answer) { answered->set_value(std::move(answer)); });
    return result.get();
  }

 private:
  std::atomic<int> admitted_{0};
};

TEST_F(FrameGroupRefusalTest, TheRefusalOfAFrameKeepsItsDelayAndReason) {
  const GroupResult result = SubmitTwo();

  EXPECT_EQ(result.status().message(), "image[1]: too fast");
  EXPECT_EQ(RetryDelayOf(result.status()), absl::Milliseconds(1234));
  EXPECT_EQ(RefusalOf(result.status()), Refusal::kClientLimit);
}

}  // namespace
}  // namespace bayespfl::server
