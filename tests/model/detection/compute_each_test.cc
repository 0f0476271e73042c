#include "model/detection/compute_each.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <new>
#include <stdexcept>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace bayespfl {
namespace {

using ::testing::ElementsAre;

ComputedFrame WithScore(float score) {
  ComputedFrame frame;
  frame.score = score;
  return frame;
}

std::vector<absl::StatusCode> Codes(const std::vector<absl::StatusOr<ComputedFrame>>& results) {
  std::vector<absl::StatusCode> codes;
  for (const auto& result : results) codes.push_back(result.status().code());
  return codes;
}

TEST(ComputeEachTest, WhatIsFinishedIsKeptWhenAnotherFrameFails) {
  const auto results = ComputeEach(
      4, [] {},
      [](size_t frame) {
        if (frame == 1) throw std::runtime_error("a kernel failed\nits stack");
        if (frame == 2) throw std::bad_alloc();
        return WithScore(static_cast<float>(frame));
      });

  EXPECT_THAT(Codes(results), ElementsAre(absl::StatusCode::kOk, absl::StatusCode::kInternal,
                                          absl::StatusCode::kResourceExhausted, absl::StatusCode::kOk));
  EXPECT_EQ(results[0]->score, 0);
  EXPECT_EQ(results[3]->score, 3);
  EXPECT_EQ(results[1].status().message(), "the device failed: a kernel failed");
}

TEST(ComputeEachTest, WhatAllFramesNeedFailsForAllOfThem) {
  int computed = 0;

  const auto results = ComputeEach(
      2, [] { throw std::runtime_error("a kernel failed"); },
      [&computed](size_t /*frame*/) {
        ++computed;
        return ComputedFrame();
      });

  EXPECT_THAT(Codes(results), ElementsAre(absl::StatusCode::kInternal, absl::StatusCode::kInternal));
  EXPECT_EQ(computed, 0);
}

}  // namespace
}  // namespace bayespfl
