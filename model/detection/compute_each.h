// A batch of which each frame has a result of its own, whatever LibTorch throws.
#ifndef BAYESPFL_MODEL_DETECTION_COMPUTE_EACH_H_
#define BAYESPFL_MODEL_DETECTION_COMPUTE_EACH_H_

#include <cstddef>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "model/detection/detection.h"

namespace bayespfl {

// Calls `shared`, then `one` for each of `frames` frames, in order. An exception of `shared` is every frame's error,
// one of `one` that of its frame alone: what the others have, they keep. Codes and messages as CatchDeviceErrors()
// makes them, Internal where it may choose.
std::vector<absl::StatusOr<ComputedFrame>> ComputeEach(size_t frames, absl::FunctionRef<void()> shared,
                                                       absl::FunctionRef<ComputedFrame(size_t frame)> one);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_DETECTION_COMPUTE_EACH_H_
