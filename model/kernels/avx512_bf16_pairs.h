// Two numbers of bfloat16 in a lane, whose products one instruction adds to a float. Only for files that are compiled
// for AVX-512 BF16.
#ifndef BAYESPFL_MODEL_KERNELS_AVX512_BF16_PAIRS_H_
#define BAYESPFL_MODEL_KERNELS_AVX512_BF16_PAIRS_H_

#include <immintrin.h>

#include <cstdint>

#include "model/kernels/avx512_floats.h"
#include "model/kernels/lane_tile.h"

namespace bayespfl {

// `Operands` of lane_tile.h.
struct Avx512Bf16Pairs : FloatSums<Avx512Floats> {
  static constexpr int64_t kDepth = 2;

  static Sum MultiplyAdd(Vector a, Vector b, Sum c) {
    return {_mm512_dpbf16_ps(c.value, __builtin_bit_cast(__m512bh, a.value), __builtin_bit_cast(__m512bh, b.value))};
  }
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_KERNELS_AVX512_BF16_PAIRS_H_
