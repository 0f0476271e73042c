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

ComputedFrame WithScore(size_t frame) {
  ComputedFrame computed;
  computed.score = static_cast<float>(frame);
  return computed;
}

std::vector<absl::StatusCode> Codes(const std::vector<absl::StatusOr<ComputedFrame>>& results) {
  std::vector<absl::StatusCode> codes;
  for (const auto& result : results) codes.push_back(result.status().code());
  return codes;
}

TEST(ComputeEachTest, WhatIsFinishedIsKeptWhenAnotherRunFails) {
  const std::vector<size_t> runs = {1, 2, 1, 1};
  const auto results = ComputeEach(runs, {.shared = [] {},
                                          .run =
                                              [](size_t run) {
                                                if (run == 1) throw std::runtime_error("a kernel failed\nits stack");
                                                if (run == 2) throw std::bad_alloc();
                                              },
                                          .fetch = [] {},
                                          .frame = WithScore});

  EXPECT_THAT(Codes(results),
              ElementsAre(absl::StatusCode::kOk, absl::StatusCode::kInternal, absl::StatusCode::kInternal,
                          absl::StatusCode::kResourceExhausted, absl::StatusCode::kOk));
  EXPECT_EQ(results[0]->score, 0);
  EXPECT_EQ(results[4]->score, 4);
  EXPECT_EQ(results[1].status().message(), "the device failed: a kernel failed");
}

TEST(ComputeEachTest, WhatAllFramesNeedFailsForAllOfThem) {
  int calls = 0;
  const std::vector<size_t> runs = {1, 1};

  const auto results = ComputeEach(runs, {.shared = [] { throw std::runtime_error("a kernel failed"); },
                                          .run = [&calls](size_t /*run*/) { ++calls; },
                                          .fetch = [&calls] { ++calls; },
                                          .frame =
                                              [&calls](size_t frame) {
                                                ++calls;
                                                return WithScore(frame);
                                              }});

  EXPECT_THAT(Codes(results), ElementsAre(absl::StatusCode::kInternal, absl::StatusCode::kInternal));
  EXPECT_EQ(calls, 0);
}

// A GPU says of much that went wrong only when its results are fetched.
TEST(ComputeEachTest, ResultsThatCannotBeFetchedAreErrorsOfTheFramesThatHadNone) {
  const std::vector<size_t> runs = {1, 1};

  const auto results = ComputeEach(runs, {.shared = [] {},
                                          .run =
                                              [](size_t run) {
                                                if (run == 0) throw std::bad_alloc();
                                              },
                                          .fetch = [] { throw std::runtime_error("the bus is gone"); },
                                          .frame = WithScore});

  EXPECT_THAT(Codes(results), ElementsAre(absl::StatusCode::kResourceExhausted, absl::StatusCode::kInternal));
  EXPECT_EQ(results[1].status().message(), "the device failed: the bus is gone");
}

TEST(ComputeEachTest, NothingIsFetchedWhenNoRunWentWell) {
  bool fetched = false;
  const std::vector<size_t> runs = {2};

  ComputeEach(runs, {.shared = [] {},
                     .run = [](size_t /*run*/) { throw std::bad_alloc(); },
                     .fetch = [&fetched] { fetched = true; },
                     .frame = WithScore});

  EXPECT_FALSE(fetched);
}

}  // namespace
}  // namespace bayespfl
