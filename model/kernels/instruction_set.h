// Which of the forms of a kernel a processor can run.
#ifndef BAYESPFL_MODEL_KERNELS_INSTRUCTION_SET_H_
#define BAYESPFL_MODEL_KERNELS_INSTRUCTION_SET_H_

#include <vector>

#include "absl/strings/string_view.h"

namespace bayespfl {

enum class InstructionSet {
  kPlain,   // C++ that every processor runs
  kAvx2,    // x86-64 with AVX2 and FMA (2013)
  kAvx512,  // x86-64 with AVX-512 F, BW, DQ and VL (2017)
};

// "plain", "avx2", "avx512".
absl::string_view InstructionSetName(InstructionSet instructions);

// What this processor and its operating system run, slowest first; always begins with kPlain.
std::vector<InstructionSet> InstructionSets();

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_KERNELS_INSTRUCTION_SET_H_
