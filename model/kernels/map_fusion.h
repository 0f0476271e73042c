// Anomaly maps on the CPU: from small maps of logits to one map of probabilities at full size.
//
// Step by step, every small map is enlarged, turned into probabilities and stored before all are averaged: 120 maps of
// 1 MB at the published sizes. Here a pixel's logits are interpolated, turned and summed in registers, and nothing of
// full size is stored but the result.
#ifndef BAYESPFL_MODEL_KERNELS_MAP_FUSION_H_
#define BAYESPFL_MODEL_KERNELS_MAP_FUSION_H_

#include <cstdint>

#include "model/kernels/instruction_set.h"

namespace bayespfl {

// All values at least 1.
struct MapFusionShape {
  int64_t samples = 1;  // R
  int64_t maps = 1;     // C, of each sample: layers times prompts
  int64_t grid = 1;     // G: side of the small maps
  int64_t side = 1;     // S: side of the result; a task for each of its rows
};

struct FusedMaps {
  float* mean = nullptr;       // [S, S], mean over samples and maps
  float* deviation = nullptr;  // [S, S], population deviation over the samples of the mean over their maps; may be null
};

// Does the rows `begin` (included) to `end` of the result: sigmoid of the logits, which are interpolated bilinearly
// with align_corners (source coordinate o (G - 1) / (S - 1)) as LibTorch does it.
//   logits  [R, C, G, G]
// The same row gives the same bits, whoever does the others, and a mean the same with and without the deviation.
// Against other orders of summation: 1e-6. A logit that is not a number makes the pixels that it reaches not numbers.
// Thread-safe. Requires that the processor has `instructions`.
void FuseMaps(InstructionSet instructions, const MapFusionShape& shape, const float* logits, const FusedMaps& out,
              int64_t begin, int64_t end);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_KERNELS_MAP_FUSION_H_
