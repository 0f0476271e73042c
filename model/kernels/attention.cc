#include "model/kernels/attention.h"

#include "model/kernels/attention_forms.h"

namespace bayespfl {

void Attend(InstructionSet instructions, const AttentionShape& shape, const float* qkv, float* out, int64_t begin,
            int64_t end) {
  switch (instructions) {
    case InstructionSet::kPlain:
      return AttendPlain(shape, qkv, out, begin, end);
#ifdef __x86_64__
    case InstructionSet::kAvx2:
      return AttendAvx2(shape, qkv, out, begin, end);
    case InstructionSet::kAvx512:
    case InstructionSet::kAvx512Bf16:
      return AttendAvx512(shape, qkv, out, begin, end);
#else
    default:
      return AttendPlain(shape, qkv, out, begin, end);
#endif
  }
}

void Attend(InstructionSet instructions, const AttentionShape& shape, const Bf16* qkv, Bf16* out, int64_t begin,
            int64_t end) {
  switch (instructions) {
    case InstructionSet::kPlain:
      return AttendPlain(shape, qkv, out, begin, end);
#ifdef __x86_64__
    case InstructionSet::kAvx2:
      return AttendAvx2(shape, qkv, out, begin, end);
    case InstructionSet::kAvx512:
      return AttendAvx512(shape, qkv, out, begin, end);
    case InstructionSet::kAvx512Bf16:
      return AttendAvx512Bf16(shape, qkv, out, begin, end);
#else
    default:
      return AttendPlain(shape, qkv, out, begin, end);
#endif
  }
}

}  // namespace bayespfl
