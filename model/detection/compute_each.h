// A batch of which each frame has a result of its own, whatever LibTorch throws.
#ifndef BAYESPFL_MODEL_DETECTION_COMPUTE_EACH_H_
#define BAYESPFL_MODEL_DETECTION_COMPUTE_EACH_H_

#include <cstddef>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/detection/detection.h"

namespace bayespfl {

// What is done with a batch, in this order. Frames that are neighbours make up runs, of one frame or more.
struct BatchSteps {
  absl::FunctionRef<void()> shared;                      // what all frames need
  absl::FunctionRef<void(size_t run)> run;               // for each run: what its frames need
  absl::FunctionRef<void()> fetch;                       // brings the results of all runs from the device
  absl::FunctionRef<ComputedFrame(size_t frame)> frame;  // for each frame whose run went well: its result
};

// `runs`: how many frames each has. An exception of `shared` is every frame's error, one of a run that of its frames
// alone, and one of `fetch` that of all frames that had no other; then nothing is asked for them any more. Codes and
// messages as CatchDeviceErrors() makes them, Internal where it may choose.
std::vector<absl::StatusOr<ComputedFrame>> ComputeEach(absl::Span<const size_t> runs, const BatchSteps& steps);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_DETECTION_COMPUTE_EACH_H_
