// Weighted sums of rows on the CPU: what smoothing does along either axis, since a convolution along a row is a sum of
// that row with itself, shifted.
#ifndef BAYESPFL_MODEL_KERNELS_WEIGHTED_ROWS_H_
#define BAYESPFL_MODEL_KERNELS_WEIGHTED_ROWS_H_

#include <cstdint>

#include "model/kernels/instruction_set.h"

namespace bayespfl {

struct WeightedRows {
  int64_t count = 0;                   // rows
  int64_t width = 0;                   // of each
  const double* weights = nullptr;     // [count]
  const float* const* rows = nullptr;  // [count], each [width]; they may overlap
};

// out[x] = weights[0] rows[0][x] + weights[1] rows[1][x] + ..., in double and in this order, every product rounded
// before it is added; then rounded to float. So every form gives the same bits. `out` [width] overlaps no row.
// Thread-safe. Requires that the processor has `instructions`.
void AddWeightedRows(InstructionSet instructions, const WeightedRows& rows, float* out);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_KERNELS_WEIGHTED_ROWS_H_
