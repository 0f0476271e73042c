// The forms of the functions of linear.h, each compiled for its instructions: nothing else may be compiled in their
// files.
#ifndef BAYESPFL_MODEL_KERNELS_LINEAR_FORMS_H_
#define BAYESPFL_MODEL_KERNELS_LINEAR_FORMS_H_

#include <cstdint>

#include "model/kernels/linear.h"

namespace bayespfl {

void QuantiseRowsPlain(const float* x, int64_t in, const Int8Rows& rows, int64_t begin, int64_t end);
void QuantiseRowsPlain(const Bf16* x, int64_t in, const Int8Rows& rows, int64_t begin, int64_t end);
void ApplyLinearPlain(const LinearTask& task, TaskQueue& tasks);

void QuantiseRowsAvx512Bf16(const float* x, int64_t in, const Int8Rows& rows, int64_t begin, int64_t end);
void QuantiseRowsAvx512Bf16(const Bf16* x, int64_t in, const Int8Rows& rows, int64_t begin, int64_t end);
void ApplyLinearAvx512Bf16(const LinearTask& task, TaskQueue& tasks);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_KERNELS_LINEAR_FORMS_H_
