// What every kind of detector does in Detect(), on a stand-in for a device.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/detection/detector.h"

namespace bayespfl {
namespace {

using ::testing::ElementsAre;

class SeededFrame final : public PreparedFrame {
 public:
  explicit SeededFrame(uint64_t number) : seed(number) {}
  [[nodiscard]] size_t bytes() const override { return sizeof(seed); }

  const uint64_t seed;
};

// Has room for so many frames at once; the score of a frame is its seed.
class SmallDevice final : public Detector {
 public:
  explicit SmallDevice(size_t room) : room_(room) {}

  absl::StatusOr<std::unique_ptr<const PreparedFrame>> Prepare(const Frame& frame) const override {
    if (frame.object.empty()) return absl::InvalidArgumentError("no object");
    return std::make_unique<SeededFrame>(frame.seed);
  }

  std::vector<absl::StatusOr<ComputedFrame>> Compute(absl::Span<const PreparedFrame* const> frames) const override {
    sizes.push_back(frames.size());
    if (frames.size() > room_) return {frames.size(), absl::ResourceExhaustedError("out of memory")};
    std::vector<absl::StatusOr<ComputedFrame>> results;
    for (const PreparedFrame* frame : frames) {
      ComputedFrame computed;
      computed.score = static_cast<float>(static_cast<const SeededFrame*>(frame)->seed);
      results.emplace_back(std::move(computed));
    }
    return results;
  }

  Detection Finish(ComputedFrame frame) const override {
    Detection detection;
    detection.score = frame.score;
    return detection;
  }

  absl::Status Validate(absl::string_view /*object*/, int /*samples*/) const override { return absl::OkStatus(); }
  const ModelInfo& info() const override { return info_; }
  std::shared_ptr<const FrameHandler> frame_handler() const override { return nullptr; }  // not asked for

  mutable std::vector<size_t> sizes;  // of the batches so far

 private:
  const size_t room_;
  const ModelInfo info_;
};

std::vector<Frame> FiveFramesWithAWrongOne() {
  std::vector<Frame> frames(5);
  for (size_t i = 0; i < frames.size(); ++i) {
    frames[i].object = i == 1 ? "" : "leather";
    frames[i].seed = i;
  }
  return frames;
}

TEST(DetectTest, WhatDoesNotFitIsComputedInHalvesAndInOrder) {
  const SmallDevice device(2);

  const std::vector<absl::StatusOr<Detection>> results = device.Detect(FiveFramesWithAWrongOne());

  std::vector<float> scores;
  for (const auto& result : results) scores.push_back(result.ok() ? result->score : -1);
  EXPECT_THAT(scores, ElementsAre(0, -1, 2, 3, 4));
  EXPECT_THAT(device.sizes, ElementsAre(4, 2, 2));
}

TEST(DetectTest, AFrameThatDoesNotFitAloneIsResourceExhausted) {
  const SmallDevice device(0);

  const std::vector<absl::StatusOr<Detection>> results = device.Detect(FiveFramesWithAWrongOne());

  EXPECT_TRUE(absl::IsInvalidArgument(results[1].status()));
  for (const size_t i : {0, 2, 3, 4}) EXPECT_TRUE(absl::IsResourceExhausted(results[i].status()));
  EXPECT_THAT(device.sizes, ElementsAre(4, 2, 1, 1, 2, 1, 1));
}

}  // namespace
}  // namespace bayespfl
