// Linear maps of numbers narrower than floats on the CPU: y = x W^T + b, W packed once, and what the towers' blocks do
// to a sum in the same pass.
//
// oneDNN, as LibTorch calls it, rounds every sum to bfloat16, and takes one scale for all rows of 8-bit numbers, so
// that a frame would depend on its neighbours in the batch. Here sums come out as floats, and every row has a scale of
// its own. A row's result has the same bits whatever the other rows, their number and the threads are.
#ifndef BAYESPFL_MODEL_KERNELS_LINEAR_H_
#define BAYESPFL_MODEL_KERNELS_LINEAR_H_

#include <cstdint>

#include "model/kernels/bf16.h"
#include "model/kernels/instruction_set.h"
#include "model/kernels/task_queue.h"

namespace bayespfl {

// Packed weights come in tiles of so many outputs; those beyond the last are 0.
inline constexpr int64_t kLinearColumns = 64;
// What the number of inputs must be a multiple of.
inline constexpr int64_t kLinearInputs = 4;

inline int64_t PaddedOutputs(int64_t out) { return (out + kLinearColumns - 1) / kLinearColumns * kLinearColumns; }

// W [out, in]; all pointers borrowed.
struct PackedWeights {
  int64_t in = 0;
  int64_t out = 0;
  const void* values = nullptr;   // PaddedOutputs(out) * in numbers as PackBf16() or PackInt8() order them
  const float* scales = nullptr;  // [PaddedOutputs(out)]; null: the numbers are of bfloat16
  const float* sums = nullptr;    // with scales: of each output's weights
  const float* bias = nullptr;    // [PaddedOutputs(out)]
};

// Of weight [out, in] -> packed [PaddedOutputs(out) * in] the outputs `begin` (included) to `end`, of
// PaddedOutputs(out).
void PackBf16(const float* weight, int64_t in, int64_t out, Bf16* packed, int64_t begin, int64_t end);
// The same in 8 bits: weight = scale * packed, at most half a scale off, with a scale for each output. sums: of each
// output's rounded weights. scales, sums [PaddedOutputs(out)].
void PackInt8(const float* weight, int64_t in, int64_t out, int8_t* packed, float* scales, float* sums, int64_t begin,
              int64_t end);

// x [rows, in] in 8 bits: x = lowest + step * values, at most half a step off. Each row has a step and a lowest of its
// own; one with a number that is not finite has none, and its results are NaN.
struct Int8Rows {
  uint8_t* values = nullptr;  // [rows, in]
  float* steps = nullptr;     // [rows]
  float* lowest = nullptr;    // [rows]
};

// Rows `begin` (included) to `end` of x. Requires that the processor has `instructions`.
void QuantiseRows(InstructionSet instructions, const float* x, int64_t in, const Int8Rows& rows, int64_t begin,
                  int64_t end);
void QuantiseRows(InstructionSet instructions, const Bf16* x, int64_t in, const Int8Rows& rows, int64_t begin,
                  int64_t end);

// out = addend + f(x W^T + b), f the identity or the exact GELU.
struct LinearTask {
  PackedWeights weights = {};
  int64_t rows = 0;
  int64_t splits = 1;             // into how many parts the rows are split, for when there are more threads than tiles
  const Bf16* x = nullptr;        // [rows, in]; weights without scales
  Int8Rows int8_x = {};           // weights with scales
  bool gelu = false;              // within 4e-7 of max(1, |x W^T + b|)
  const float* addend = nullptr;  // [rows, out]; null: none
  float* out = nullptr;           // [rows, out]; null: bf16_out
  Bf16* bf16_out = nullptr;       // [rows, out], rounded once

  int64_t tasks() const { return PaddedOutputs(weights.out) / kLinearColumns * splits; }
};

// Does tasks, of the task.tasks() that there are, until the queue has no more. They write different parts of the
// result: threads share the queue, and each keeps its buffers from its first task to its last. Thread-safe. Requires
// that the processor has `instructions`.
void ApplyLinear(InstructionSet instructions, const LinearTask& task, TaskQueue& tasks);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_KERNELS_LINEAR_H_
