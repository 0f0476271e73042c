#include "model/kernels/attention_blocks.h"
#include "model/kernels/attention_forms.h"
#include "model/kernels/attention_operands.h"
#include "model/kernels/avx512_floats.h"

namespace bayespfl {

void AttendAvx512(const AttentionShape& shape, const float* qkv, float* out, TaskQueue& tasks) {
  BlockedAttention<FloatOperands<Avx512Floats>> attention(shape.length);
  for (int64_t task = tasks.Take(); task >= 0; task = tasks.Take()) attention.Run(TaskOf(shape, qkv, out, task));
}

void AttendAvx512(const AttentionShape& shape, const Bf16* qkv, Bf16* out, TaskQueue& tasks) {
  BlockedAttention<WidenedBf16Operands<Avx512Floats>> attention(shape.length);
  for (int64_t task = tasks.Take(); task >= 0; task = tasks.Take()) attention.Run(TaskOf(shape, qkv, out, task));
}

}  // namespace bayespfl
