// A model that answers at once, so that what is left to measure is the server.
#ifndef BAYESPFL_TESTS_BENCH_INSTANT_DETECTOR_H_
#define BAYESPFL_TESTS_BENCH_INSTANT_DETECTOR_H_

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "model/detection/detector.h"

namespace bayespfl {

// The one category that it is calibrated for, with lines for the score and for the largest region.
inline constexpr char kInstantCategory[] = "metal nut";

// Every frame gets the score 0.25 and the same map: 0.1, and 0.9 in a square of a tenth of its side, so that the server
// has a region to find and FAIL to say. It prepares nothing of a picture, and makes no map of another size, which
// Detector's own form would. What it costs a frame is a copy of the map. No locks; thread-safe.
class InstantDetector final : public Detector, public std::enable_shared_from_this<InstantDetector> {
 public:
  // `map_side` >= 10: pixels of the model's square map.
  explicit InstantDetector(int map_side);

  absl::StatusOr<std::unique_ptr<const PreparedFrame>> Prepare(const Frame& frame) const override;
  std::vector<absl::StatusOr<ComputedFrame>> Compute(absl::Span<const PreparedFrame* const> frames) const override;
  Detection Finish(ComputedFrame frame) const override;
  absl::Status Validate(absl::string_view object, int samples) const override;
  std::shared_ptr<const FrameHandler> frame_handler() const override { return shared_from_this(); }
  const ModelInfo& info() const override { return info_; }

 private:
  ModelInfo info_;
  PixelMap map_;
};

}  // namespace bayespfl

#endif  // BAYESPFL_TESTS_BENCH_INSTANT_DETECTOR_H_
