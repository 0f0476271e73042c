#include "server/pipeline/warm_up.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "model/image/image.h"

namespace bayespfl::server {
namespace {

// A picture with something in every place: a gradient.
RgbImage SyntheticPicture(int side) {
  RgbImage picture{.width = side, .height = side, .pixels = {}};
  picture.pixels.reserve(picture.pixel_count() * 3);
  for (int row = 0; row < side; ++row) {
    for (int column = 0; column < side; ++column) {
      picture.pixels.push_back(static_cast<uint8_t>(255 * row / side));
      picture.pixels.push_back(static_cast<uint8_t>(255 * column / side));
      picture.pixels.push_back(static_cast<uint8_t>((row + column) % 256));
    }
  }
  return picture;
}

}  // namespace

absl::Status WarmUp(const Detector& detector, int max_batch, const std::atomic<bool>& stop) {
  const RgbImage picture = SyntheticPicture(std::max(1, detector.info().image_size));
  for (int size = 1; size <= max_batch; ++size) {
    if (stop) return absl::CancelledError("stopped while the model was warming up");
    const std::vector<bayespfl::Frame> batch(static_cast<size_t>(size), {.image = &picture, .object = "object"});
    const std::vector<absl::StatusOr<Detection>> results = detector.Detect(batch);
    if (results.size() != batch.size()) return absl::InternalError("the model gave no result for a warm-up picture");
    for (const auto& result : results) {
      if (!result.ok()) return result.status();
    }
  }
  return absl::OkStatus();
}

}  // namespace bayespfl::server
