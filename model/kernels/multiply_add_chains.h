// MultiplyAdds() for registers of any width. As attention_blocks.h: included by one file for each instruction set, with
// a type of its unnamed namespace, so that no file gets code of another's processor.
//
// `Registers` has kLanes, and Vector, the compiler's own type of so many floats.
#ifndef BAYESPFL_MODEL_KERNELS_MULTIPLY_ADD_CHAINS_H_
#define BAYESPFL_MODEL_KERNELS_MULTIPLY_ADD_CHAINS_H_

#include <cstdint>

#include "model/kernels/multiply_add.h"

namespace bayespfl {

template <typename Registers>
float RunMultiplyAddChains(int64_t rounds, float factor, float addend) {
  using Vector = typename Registers::Vector;
  const Vector factors = Vector{} + factor;
  const Vector addends = Vector{} + addend;
  Vector sums[kMultiplyAddChains];
#pragma GCC unroll 16
  for (int chain = 0; chain < kMultiplyAddChains; ++chain) sums[chain] = Vector{} + static_cast<float>(chain);
  for (int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 16
    for (int chain = 0; chain < kMultiplyAddChains; ++chain) sums[chain] = sums[chain] * factors + addends;
  }
  float sum = 0;
  for (int chain = 0; chain < kMultiplyAddChains; ++chain) {
    for (int lane = 0; lane < Registers::kLanes; ++lane) sum += sums[chain][lane];
  }
  return sum;
}

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_KERNELS_MULTIPLY_ADD_CHAINS_H_
