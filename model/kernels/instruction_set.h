// Which of the forms of a kernel a processor can run.
#ifndef BAYESPFL_MODEL_KERNELS_INSTRUCTION_SET_H_
#define BAYESPFL_MODEL_KERNELS_INSTRUCTION_SET_H_

#include <vector>

#include "absl/strings/string_view.h"

namespace bayespfl {

enum class InstructionSet {
  kPlain,       // C++ that every processor runs
  kAvx2,        // x86-64 with AVX2 and FMA (2013)
  kAvx512,      // x86-64 with AVX-512 F, BW, DQ and VL (2017)
  kAvx512Bf16,  // also with AVX-512 BF16 and VNNI (2020); for kernels on floats the same as kAvx512
};

// "plain", "avx2", "avx512", "avx512_bf16".
absl::string_view InstructionSetName(InstructionSet instructions);

// Of those in which kernels on floats differ, what this processor and its operating system run, slowest first; always
// begins with kPlain.
std::vector<InstructionSet> InstructionSets();
// Of those in which kernels on narrower numbers do.
std::vector<InstructionSet> Bf16InstructionSets();

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_KERNELS_INSTRUCTION_SET_H_
