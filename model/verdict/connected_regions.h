// The connected parts of a mask, one by one.
#ifndef BAYESPFL_MODEL_VERDICT_CONNECTED_REGIONS_H_
#define BAYESPFL_MODEL_VERDICT_CONNECTED_REGIONS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"

namespace bayespfl {

// Calls `visit` once for each 8-connected region of non-zero pixels of a row-major mask [height, width], in the order
// of their first pixels, with the indices of the region's pixels (in no particular order, valid during the call).
// Consumes the mask: every pixel is 0 afterwards. Requires mask.size() == width * height. Thread-safe.
//
// A flood fill of its own because OpenCV's labelling starts threads, and model/ leaves threads to its callers.
void VisitRegions(int width, int height, absl::Span<uint8_t> mask,
                  absl::FunctionRef<void(absl::Span<const size_t> pixels)> visit);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_VERDICT_CONNECTED_REGIONS_H_
