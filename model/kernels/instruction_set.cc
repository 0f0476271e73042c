#include "model/kernels/instruction_set.h"

namespace bayespfl {

absl::string_view InstructionSetName(InstructionSet instructions) {
  switch (instructions) {
    case InstructionSet::kPlain:
      return "plain";
    case InstructionSet::kAvx2:
      return "avx2";
    case InstructionSet::kAvx512:
      return "avx512";
    case InstructionSet::kAvx512Bf16:
      return "avx512_bf16";
  }
  return "";
}

std::vector<InstructionSet> InstructionSets() {
  std::vector<InstructionSet> sets = {InstructionSet::kPlain};
#ifdef __x86_64__
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return sets;
  sets.push_back(InstructionSet::kAvx2);
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
      !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl")) {
    return sets;
  }
  sets.push_back(InstructionSet::kAvx512);
#endif
  return sets;
}

std::vector<InstructionSet> Bf16InstructionSets() {
  std::vector<InstructionSet> sets = InstructionSets();
#ifdef __x86_64__
  if (sets.back() == InstructionSet::kAvx512 && __builtin_cpu_supports("avx512bf16") &&
      __builtin_cpu_supports("avx512vnni")) {
    sets.push_back(InstructionSet::kAvx512Bf16);
  }
#endif
  return sets;
}

}  // namespace bayespfl
