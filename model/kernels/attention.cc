#include "model/kernels/attention.h"

#include <type_traits>

#include "model/kernels/attention_forms.h"

namespace bayespfl {
namespace {

template <typename Element>
void AttendIn(InstructionSet instructions, const AttentionShape& shape, const Element* qkv, Element* out,
              TaskQueue& tasks) {
#ifdef __x86_64__
  // Floats have no form of their own there.
  if constexpr (std::is_same_v<Element, Bf16>) {
    if (instructions == InstructionSet::kAvx512Bf16) return AttendAvx512Bf16(shape, qkv, out, tasks);
  }
  switch (instructions) {
    case InstructionSet::kPlain:
      break;
    case InstructionSet::kAvx2:
      return AttendAvx2(shape, qkv, out, tasks);
    case InstructionSet::kAvx512:
    case InstructionSet::kAvx512Bf16:
      return AttendAvx512(shape, qkv, out, tasks);
  }
#endif
  AttendPlain(shape, qkv, out, tasks);
}

}  // namespace

void Attend(InstructionSet instructions, const AttentionShape& shape, const float* qkv, float* out, TaskQueue& tasks) {
  AttendIn(instructions, shape, qkv, out, tasks);
}

void Attend(InstructionSet instructions, const AttentionShape& shape, const Bf16* qkv, Bf16* out, TaskQueue& tasks) {
  AttendIn(instructions, shape, qkv, out, tasks);
}

}  // namespace bayespfl
