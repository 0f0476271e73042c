// The rounding of the kernels' vectors, each compiled for its instructions: nothing else may be compiled in their
// files.
#ifndef BAYESPFL_TESTS_MODEL_KERNELS_ROUNDING_H_
#define BAYESPFL_TESTS_MODEL_KERNELS_ROUNDING_H_

#include "model/kernels/bf16.h"

namespace bayespfl::testing {

// Sixteen floats, to bfloat16. Requires that the processor has the instructions.
void RoundAvx2(const float* from, Bf16* to);
void RoundAvx512(const float* from, Bf16* to);

}  // namespace bayespfl::testing

#endif  // BAYESPFL_TESTS_MODEL_KERNELS_ROUNDING_H_
