// Multi-head attention of the towers on the CPU: softmax(Q K^T / sqrt(64)) V for heads of 64, as all of CLIP's are.
//
// LibTorch's own (scaled_dot_product_attention) multiplies through the BLAS at hand and moves queries, keys and values
// through memory between its steps; this one keeps a block of scores in the first-level cache from product to product
// (the online softmax of Milakov and Gimelshein, arXiv 1805.02867, in the blocks of FlashAttention, arXiv 2205.14135).
#ifndef BAYESPFL_MODEL_KERNELS_ATTENTION_H_
#define BAYESPFL_MODEL_KERNELS_ATTENTION_H_

#include <cstdint>

#include "model/kernels/bf16.h"
#include "model/kernels/instruction_set.h"
#include "model/kernels/task_queue.h"

namespace bayespfl {

inline constexpr int64_t kAttentionHeadWidth = 64;

// N sequences of L positions, every one of which sees all of its own sequence. All values at least 1.
struct AttentionShape {
  int64_t batch = 1;   // N
  int64_t length = 1;  // L
  int64_t heads = 1;
  // Into how many parts the queries of a head are split, for when there are more threads than heads; each part costs
  // the packing of the head's keys and values once more.
  int64_t splits = 1;

  int64_t tasks() const { return batch * heads * splits; }
};

// Does tasks, of the shape.tasks() that there are, until the queue has no more. They write different parts of `out`:
// threads share the queue, and each keeps its buffers from its first task to its last.
//   qkv  [N, L, 3, heads, 64]: queries, keys and values, as one projection gives them
//   out  [N, L, heads, 64]
// The same task gives the same bits, whoever does the others. Against other orders of summation: 1e-6 of the largest
// value. What is not finite in a sequence's keys or values makes its results not finite. Thread-safe.
// Requires that the processor has `instructions`.
void Attend(InstructionSet instructions, const AttentionShape& shape, const float* qkv, float* out, TaskQueue& tasks);
// The same of numbers in bfloat16. Both products' factors are of bfloat16: the softmax's weights, relative to the
// largest score seen so far, are rounded to it; their sum and everything else is float, and the result is rounded once.
// Against the formula with the same q, k and v: 2^-8 of the largest value.
void Attend(InstructionSet instructions, const AttentionShape& shape, const Bf16* qkv, Bf16* out, TaskQueue& tasks);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_KERNELS_ATTENTION_H_
