// Sixteen floats in a register of AVX-512. Only for files that are compiled for it: what the compiler does not inline,
// the linker takes from any of them.
#ifndef BAYESPFL_MODEL_KERNELS_AVX512_FLOATS_H_
#define BAYESPFL_MODEL_KERNELS_AVX512_FLOATS_H_

#include <immintrin.h>

#include <cstdint>

#include "model/kernels/bf16.h"
#include "model/kernels/exp2.h"

namespace bayespfl {

// A `Vector` of attention_blocks.h and map_fusion_blocks.h.
struct Avx512Floats {
  static constexpr int64_t kLanes = 16;
  static constexpr int64_t kTileRegisters = 4;  // 24 sums, 4 columns and a broadcast: 29 of 32 registers

  __m512 value;

  static Avx512Floats Load(const float* from) { return {_mm512_loadu_ps(from)}; }
  static void Store(float* to, Avx512Floats x) { _mm512_storeu_ps(to, x.value); }
  static Avx512Floats Broadcast(float x) { return {_mm512_set1_ps(x)}; }
  static Avx512Floats Add(Avx512Floats a, Avx512Floats b) { return {_mm512_add_ps(a.value, b.value)}; }
  static Avx512Floats Subtract(Avx512Floats a, Avx512Floats b) { return {_mm512_sub_ps(a.value, b.value)}; }
  static Avx512Floats Multiply(Avx512Floats a, Avx512Floats b) { return {_mm512_mul_ps(a.value, b.value)}; }
  static Avx512Floats MultiplyAdd(Avx512Floats a, Avx512Floats b, Avx512Floats c) {
    return {_mm512_fmadd_ps(a.value, b.value, c.value)};
  }
  static Avx512Floats Divide(Avx512Floats a, Avx512Floats b) { return {_mm512_div_ps(a.value, b.value)}; }
  static Avx512Floats SquareRoot(Avx512Floats x) { return {_mm512_sqrt_ps(x.value)}; }
  static Avx512Floats Min(Avx512Floats a, Avx512Floats b) { return {_mm512_min_ps(a.value, b.value)}; }
  static Avx512Floats Max(Avx512Floats a, Avx512Floats b) { return {_mm512_max_ps(a.value, b.value)}; }
  static float Sum(Avx512Floats x) { return _mm512_reduce_add_ps(x.value); }
  static float Largest(Avx512Floats x) { return _mm512_reduce_max_ps(x.value); }
  static float First(Avx512Floats x) { return _mm512_cvtss_f32(x.value); }

  // 2^n e^r with |r| <= ln(2) / 2; e^r by its series, whose eighth power is below 6e-9 there.
  static Avx512Floats Exp(Avx512Floats x) {
    const __m512 in_range = _mm512_max_ps(_mm512_set1_ps(-87.33F), x.value);  // x where it is NaN
    const __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(in_range, _mm512_set1_ps(1.44269504F)), 0);
    // ln(2) in two parts: the product with the first is exact.
    __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375F), in_range);
    r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4F), r);
    __m512 series = _mm512_set1_ps(1.0F / 5040);
    constexpr float kCoefficients[] = {1.0F / 720, 1.0F / 120, 1.0F / 24, 1.0F / 6, 1.0F / 2, 1.0F, 1.0F};
    for (const float coefficient : kCoefficients) {
      series = _mm512_fmadd_ps(series, r, _mm512_set1_ps(coefficient));
    }
    return {_mm512_scalef_ps(series, n)};
  }

  // 2^n 2^r with |r| <= 1/2.
  static Avx512Floats Exp2(Avx512Floats x) {
    const __m512 in_range = _mm512_max_ps(_mm512_set1_ps(-126), x.value);  // x where it is NaN
    const __m512 n = _mm512_roundscale_ps(in_range, 0);
    const __m512 r = _mm512_sub_ps(in_range, n);
    __m512 series = _mm512_set1_ps(kExp2Highest);
    for (const float coefficient : kExp2Coefficients) {
      series = _mm512_fmadd_ps(series, r, _mm512_set1_ps(coefficient));
    }
    return {_mm512_scalef_ps(series, n)};
  }

  // To the nearest number of bfloat16; NaN of NaN, whose lower half, which bfloat16 has not, may be all that says so.
  static Avx512Floats RoundToBf16(Avx512Floats x) {
    const __m512i bits = _mm512_castps_si512(x.value);
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    const __m512i rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7FFF)));
    const __m512 upper = _mm512_castsi512_ps(_mm512_and_si512(rounded, _mm512_set1_epi32(-0x10000)));
    const __m512 quiet = _mm512_castsi512_ps(_mm512_or_si512(bits, _mm512_set1_epi32(0x00400000)));
    return {_mm512_mask_mov_ps(upper, _mm512_cmp_ps_mask(x.value, x.value, _CMP_UNORD_Q), quiet)};
  }
  static void StoreBf16(Bf16* to, Avx512Floats x) {
    const __m512i halves = _mm512_srli_epi32(_mm512_castps_si512(RoundToBf16(x).value), 16);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm512_cvtepi32_epi16(halves));
  }
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_KERNELS_AVX512_FLOATS_H_
