// The forms of Attend(), each compiled for its instructions: nothing else may be compiled in their files.
#ifndef BAYESPFL_MODEL_KERNELS_ATTENTION_FORMS_H_
#define BAYESPFL_MODEL_KERNELS_ATTENTION_FORMS_H_

#include <cstdint>

#include "model/kernels/attention.h"
#include "model/kernels/bf16.h"

namespace bayespfl {

void AttendPlain(const AttentionShape& shape, const float* qkv, float* out, int64_t begin, int64_t end);
void AttendAvx2(const AttentionShape& shape, const float* qkv, float* out, int64_t begin, int64_t end);
void AttendAvx512(const AttentionShape& shape, const float* qkv, float* out, int64_t begin, int64_t end);

void AttendPlain(const AttentionShape& shape, const Bf16* qkv, Bf16* out, int64_t begin, int64_t end);
void AttendAvx2(const AttentionShape& shape, const Bf16* qkv, Bf16* out, int64_t begin, int64_t end);
void AttendAvx512(const AttentionShape& shape, const Bf16* qkv, Bf16* out, int64_t begin, int64_t end);
void AttendAvx512Bf16(const AttentionShape& shape, const Bf16* qkv, Bf16* out, int64_t begin, int64_t end);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_KERNELS_ATTENTION_FORMS_H_
