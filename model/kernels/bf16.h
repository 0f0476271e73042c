// bfloat16: the upper half of a float, eight bits of significand. Plain C++ for every file, whatever it is compiled
// for.
#ifndef BAYESPFL_MODEL_KERNELS_BF16_H_
#define BAYESPFL_MODEL_KERNELS_BF16_H_

#include <cstdint>

namespace bayespfl {

// LibTorch's at::BFloat16 has the same layout.
struct Bf16 {
  uint16_t bits = 0;
};

// Inlined always: callers are compiled for different processors.
[[gnu::always_inline]] inline float FloatOf(Bf16 x) {
  return __builtin_bit_cast(float, static_cast<uint32_t>(x.bits) << 16);
}

// The nearest, of two the even one, as processors round; infinite beyond the largest; NaN of NaN.
[[gnu::always_inline]] inline Bf16 Bf16Of(float x) {
  const auto bits = __builtin_bit_cast(uint32_t, x);
  if (x != x) return {static_cast<uint16_t>(bits >> 16 | 0x40)};  // the bit that says quiet
  return {static_cast<uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16)};
}

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_KERNELS_BF16_H_
