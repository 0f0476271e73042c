// Where a task of Attend() reads and writes; for every form of it.
#ifndef BAYESPFL_MODEL_KERNELS_ATTENTION_TASK_H_
#define BAYESPFL_MODEL_KERNELS_ATTENTION_TASK_H_

#include <cstdint>

#include "model/kernels/attention.h"

namespace bayespfl {

// `Element` is float or Bf16.
template <typename Element>
struct AttentionTask {
  // Of position 0 of the task's head; the next position lies qkv_stride or out_stride elements on.
  const Element* queries;
  const Element* keys;
  const Element* values;
  Element* out;
  int64_t qkv_stride;
  int64_t out_stride;
  int64_t length;       // keys
  int64_t first_query;  // queries first_query up to, not including, last_query
  int64_t last_query;
};

// Inlined always: its callers are compiled for different processors.
template <typename Element>
[[gnu::always_inline]] inline AttentionTask<Element> TaskOf(const AttentionShape& shape, const Element* qkv,
                                                            Element* out, int64_t task) {
  const int64_t width = shape.heads * kAttentionHeadWidth;
  const int64_t split = task % shape.splits;
  const int64_t head = task / shape.splits % shape.heads;
  const int64_t sequence = task / shape.splits / shape.heads;
  const Element* const first = qkv + sequence * shape.length * 3 * width + head * kAttentionHeadWidth;
  return {.queries = first,
          .keys = first + width,
          .values = first + 2 * width,
          .out = out + sequence * shape.length * width + head * kAttentionHeadWidth,
          .qkv_stride = 3 * width,
          .out_stride = width,
          .length = shape.length,
          .first_query = shape.length * split / shape.splits,
          .last_query = shape.length * (split + 1) / shape.splits};
}

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_KERNELS_ATTENTION_TASK_H_
