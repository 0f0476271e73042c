// The form of AddWeightedRows() for vectors of any width: a block of sums stays in registers from the first row to the
// last. What attention_blocks.h says of templates that are compiled for an instruction set holds here too; besides, the
// compiler must not fuse products and sums (-ffp-contract=off).
//
// `Vector` is a register of kLanes doubles:
//   Load(const float*), Store(float*, x)   converted, any alignment
//   Broadcast(double), Add, Multiply
#ifndef BAYESPFL_MODEL_KERNELS_WEIGHTED_ROWS_BLOCKS_H_
#define BAYESPFL_MODEL_KERNELS_WEIGHTED_ROWS_BLOCKS_H_

#include <cstdint>

#include "model/kernels/weighted_rows.h"

namespace bayespfl {

// Sums of kRegisters vectors from column `x` on.
template <typename Vector, int64_t kRegisters>
inline void AddWeightedBlock(const WeightedRows& rows, int64_t x, float* out) {
  Vector sums[kRegisters];
#pragma GCC unroll 8
  for (int64_t j = 0; j < kRegisters; ++j) sums[j] = Vector::Broadcast(0);
  for (int64_t i = 0; i < rows.count; ++i) {
    const Vector weight = Vector::Broadcast(rows.weights[i]);
    const float* const row = rows.rows[i] + x;
#pragma GCC unroll 8
    for (int64_t j = 0; j < kRegisters; ++j) {
      sums[j] = Vector::Add(sums[j], Vector::Multiply(weight, Vector::Load(row + j * Vector::kLanes)));
    }
  }
#pragma GCC unroll 8
  for (int64_t j = 0; j < kRegisters; ++j) Vector::Store(out + x + j * Vector::kLanes, sums[j]);
}

// Blocks side by side; the last one ends with the rows, and does a part of the one before once more. Rows that are
// shorter than a block are done in smaller ones, at last a column at a time.
template <typename Vector, int64_t kRegisters = 8>
inline void AddWeightedBlocks(const WeightedRows& rows, float* out) {
  constexpr int64_t kBlock = kRegisters * Vector::kLanes;
  if (rows.width >= kBlock) {
    for (int64_t x = 0; x + kBlock <= rows.width; x += kBlock) AddWeightedBlock<Vector, kRegisters>(rows, x, out);
    if (rows.width % kBlock != 0) AddWeightedBlock<Vector, kRegisters>(rows, rows.width - kBlock, out);
  } else if constexpr (kRegisters > 1) {
    AddWeightedBlocks<Vector, kRegisters / 2>(rows, out);
  } else {
    for (int64_t x = 0; x < rows.width; ++x) {
      double sum = 0;
      for (int64_t i = 0; i < rows.count; ++i) sum += rows.weights[i] * rows.rows[i][x];
      out[x] = static_cast<float>(sum);
    }
  }
}

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_KERNELS_WEIGHTED_ROWS_BLOCKS_H_
