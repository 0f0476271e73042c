#include "model/detection/compute_each.h"

#include <algorithm>
#include <numeric>
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

// How each frame's run went.
std::vector<absl::Status> RunAll(absl::Span<const size_t> runs, const BatchSteps& steps) {
  std::vector<absl::Status> frames;
  for (size_t run = 0; run < runs.size(); ++run) {
    frames.insert(frames.end(), runs[run], Catch([&] { steps.run(run); }));
  }
  return frames;
}

absl::StatusOr<ComputedFrame> ResultOf(size_t frame, const BatchSteps& steps) {
  ComputedFrame computed;
  if (absl::Status failed = Catch([&] { computed = steps.frame(frame); }); !failed.ok()) return failed;
  return computed;
}

}  // namespace

std::vector<absl::StatusOr<ComputedFrame>> ComputeEach(absl::Span<const size_t> runs, const BatchSteps& steps) {
  const size_t count = std::accumulate(runs.begin(), runs.end(), size_t{0});
  const absl::Status together = Catch(steps.shared);
  std::vector<absl::Status> frames = together.ok() ? RunAll(runs, steps) : std::vector<absl::Status>(count, together);
  absl::Status fetched;
  if (std::any_of(frames.begin(), frames.end(), [](const absl::Status& frame) { return frame.ok(); })) {
    fetched = Catch(steps.fetch);
  }
  std::vector<absl::StatusOr<ComputedFrame>> results;
  for (size_t frame = 0; frame < count; ++frame) {
    frames[frame].Update(fetched);
    if (frames[frame].ok()) {
      results.push_back(ResultOf(frame, steps));
    } else {
      results.emplace_back(frames[frame]);
    }
  }
  return results;
}

}  // namespace bayespfl
