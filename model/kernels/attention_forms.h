// The forms of Attend(), each compiled for its instructions: nothing else may be compiled in their files.
#ifndef BAYESPFL_MODEL_KERNELS_ATTENTION_FORMS_H_
#define BAYESPFL_MODEL_KERNELS_ATTENTION_FORMS_H_

#include "model/kernels/attention.h"
#include "model/kernels/bf16.h"
#include "model/kernels/task_queue.h"

namespace bayespfl {

void AttendPlain(const AttentionShape& shape, const float* qkv, float* out, TaskQueue& tasks);
void AttendAvx2(const AttentionShape& shape, const float* qkv, float* out, TaskQueue& tasks);
void AttendAvx512(const AttentionShape& shape, const float* qkv, float* out, TaskQueue& tasks);

void AttendPlain(const AttentionShape& shape, const Bf16* qkv, Bf16* out, TaskQueue& tasks);
void AttendAvx2(const AttentionShape& shape, const Bf16* qkv, Bf16* out, TaskQueue& tasks);
void AttendAvx512(const AttentionShape& shape, const Bf16* qkv, Bf16* out, TaskQueue& tasks);
void AttendAvx512Bf16(const AttentionShape& shape, const Bf16* qkv, Bf16* out, TaskQueue& tasks);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_KERNELS_ATTENTION_FORMS_H_
