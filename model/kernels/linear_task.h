// Where a part of ApplyLinear() reads and writes; for every form of it.
#ifndef BAYESPFL_MODEL_KERNELS_LINEAR_TASK_H_
#define BAYESPFL_MODEL_KERNELS_LINEAR_TASK_H_

#include <cstdint>

#include "model/kernels/linear.h"

namespace bayespfl {

struct LinearPart {
  int64_t first_row;  // up to, not including, last_row
  int64_t last_row;
  int64_t first_column;  // kLinearColumns of them, or what is left of the outputs
};

// Inlined always: its callers are compiled for different processors.
[[gnu::always_inline]] inline LinearPart PartOf(const LinearTask& task, int64_t index) {
  const int64_t split = index % task.splits;
  return {.first_row = task.rows * split / task.splits,
          .last_row = task.rows * (split + 1) / task.splits,
          .first_column = index / task.splits * kLinearColumns};
}

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_KERNELS_LINEAR_TASK_H_
