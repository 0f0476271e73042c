// Multiply-adds that wait for nothing: the most floating-point work that a core does, as a measure for what kernels
// reach of it.
#ifndef BAYESPFL_MODEL_KERNELS_MULTIPLY_ADD_H_
#define BAYESPFL_MODEL_KERNELS_MULTIPLY_ADD_H_

#include <cstdint>

#include "model/kernels/instruction_set.h"

namespace bayespfl {

// Sums that do not depend on each other, each a register of MultiplyAddLanes(). A multiply-add takes four cycles, and a
// core begins two in each: from eight on none waits for another. Twelve and their two operands fit into 16 registers.
inline constexpr int kMultiplyAddChains = 12;

// Floats of a register: 4, 8 or 16.
int MultiplyAddLanes(InstructionSet instructions);

// `rounds` times x <- x / 2 + 1 in every lane of every chain, from x = the chain's number; returns the sum of all. It
// touches no memory. Of `rounds` rounds that are 2 * rounds * kMultiplyAddChains * MultiplyAddLanes() floating-point
// operations. kPlain multiplies and adds in two steps where the compiler's least processor has no instruction for both.
// Thread-safe. Requires that the processor has `instructions`.
float MultiplyAdds(InstructionSet instructions, int64_t rounds);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_KERNELS_MULTIPLY_ADD_H_
