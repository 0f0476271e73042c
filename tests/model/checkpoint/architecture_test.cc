#include "model/checkpoint/architecture.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace bayespfl {
namespace {

using ::testing::HasSubstr;

// A file may claim any shape whose elements are none: 0 x 2^62.
TEST(InferArchitectureTest, RefusesAnAxisThatNoModelHas) {
  const Tensors clip = {{"visual.conv1.weight", {DType::kF32, {1, 0, 1, int64_t{1} << 62}}},
                        {"visual.positional_embedding", {DType::kF32, {10, 1}}}};

  const absl::Status status = InferArchitecture(clip, {}, {}).status();

  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(status.message(), HasSubstr("tensor visual.conv1.weight has an axis of length 4611686018427387904"));
}

}  // namespace
}  // namespace bayespfl
