#include "model/detection/compute_each.h"

#include <utility>

#include "absl/status/status.h"
#include "model/detection/device_errors.h"

namespace bayespfl {
namespace {

absl::Status Catch(absl::FunctionRef<void()> call) {
  return CatchDeviceErrors(absl::StatusCode::kInternal, "the device failed", [&call] {
    call();
    return absl::OkStatus();
  });
}

}  // namespace

std::vector<absl::StatusOr<ComputedFrame>> ComputeEach(size_t frames, absl::FunctionRef<void()> shared,
                                                       absl::FunctionRef<ComputedFrame(size_t frame)> one) {
  const absl::Status together = Catch(shared);
  if (!together.ok()) return std::vector<absl::StatusOr<ComputedFrame>>(frames, together);
  std::vector<absl::StatusOr<ComputedFrame>> results;
  for (size_t frame = 0; frame < frames; ++frame) {
    ComputedFrame computed;
    const absl::Status own = Catch([&] { computed = one(frame); });
    if (own.ok()) {
      results.emplace_back(std::move(computed));
    } else {
      results.emplace_back(own);
    }
  }
  return results;
}

}  // namespace bayespfl
