#include "model/kernels/multiply_add.h"

#include "model/kernels/multiply_add_forms.h"

namespace bayespfl {
namespace {

constexpr float kFactor = 0.5F;
constexpr float kAddend = 1;

}  // namespace

int MultiplyAddLanes(InstructionSet instructions) {
  switch (instructions) {
    case InstructionSet::kPlain:
      return 4;
    case InstructionSet::kAvx2:
      return 8;
    case InstructionSet::kAvx512:
    case InstructionSet::kAvx512Bf16:
      return 16;
  }
  return 0;
}

float MultiplyAdds(InstructionSet instructions, int64_t rounds) {
  switch (instructions) {
    case InstructionSet::kPlain:
      return MultiplyAddsPlain(rounds, kFactor, kAddend);
#ifdef __x86_64__
    case InstructionSet::kAvx2:
      return MultiplyAddsAvx2(rounds, kFactor, kAddend);
    case InstructionSet::kAvx512:
    case InstructionSet::kAvx512Bf16:
      return MultiplyAddsAvx512(rounds, kFactor, kAddend);
#else
    default:
      return MultiplyAddsPlain(rounds, kFactor, kAddend);
#endif
  }
  return 0;
}

}  // namespace bayespfl
