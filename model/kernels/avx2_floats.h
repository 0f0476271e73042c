// Eight floats in a register of AVX2. Only for files that are compiled for AVX2 and FMA: what the compiler does not
// inline, the linker takes from any of them.
#ifndef BAYESPFL_MODEL_KERNELS_AVX2_FLOATS_H_
#define BAYESPFL_MODEL_KERNELS_AVX2_FLOATS_H_

#include <immintrin.h>

#include <cstdint>

#include "model/kernels/bf16.h"
#include "model/kernels/exp2.h"

namespace bayespfl {

// A `Vector` of attention_blocks.h and map_fusion_blocks.h.
struct Avx2Floats {
  static constexpr int64_t kLanes = 8;
  static constexpr int64_t kTileRegisters = 2;  // 12 sums, 2 columns and a broadcast: 15 of 16 registers

  __m256 value;

  static Avx2Floats Load(const float* from) { return {_mm256_loadu_ps(from)}; }
  static void Store(float* to, Avx2Floats x) { _mm256_storeu_ps(to, x.value); }
  static Avx2Floats Broadcast(float x) { return {_mm256_set1_ps(x)}; }
  static Avx2Floats Add(Avx2Floats a, Avx2Floats b) { return {_mm256_add_ps(a.value, b.value)}; }
  static Avx2Floats Subtract(Avx2Floats a, Avx2Floats b) { return {_mm256_sub_ps(a.value, b.value)}; }
  static Avx2Floats Multiply(Avx2Floats a, Avx2Floats b) { return {_mm256_mul_ps(a.value, b.value)}; }
  static Avx2Floats MultiplyAdd(Avx2Floats a, Avx2Floats b, Avx2Floats c) {
    return {_mm256_fmadd_ps(a.value, b.value, c.value)};
  }
  static Avx2Floats Divide(Avx2Floats a, Avx2Floats b) { return {_mm256_div_ps(a.value, b.value)}; }
  static Avx2Floats SquareRoot(Avx2Floats x) { return {_mm256_sqrt_ps(x.value)}; }
  static Avx2Floats Min(Avx2Floats a, Avx2Floats b) { return {_mm256_min_ps(a.value, b.value)}; }
  static Avx2Floats Max(Avx2Floats a, Avx2Floats b) { return {_mm256_max_ps(a.value, b.value)}; }
  static float Sum(Avx2Floats x) {
    __m128 sum = _mm_add_ps(_mm256_castps256_ps128(x.value), _mm256_extractf128_ps(x.value, 1));
    sum = _mm_add_ps(sum, _mm_movehl_ps(sum, sum));
    return _mm_cvtss_f32(_mm_add_ss(sum, _mm_shuffle_ps(sum, sum, 1)));
  }
  static float Largest(Avx2Floats x) {
    __m128 most = _mm_max_ps(_mm256_castps256_ps128(x.value), _mm256_extractf128_ps(x.value, 1));
    most = _mm_max_ps(most, _mm_movehl_ps(most, most));
    return _mm_cvtss_f32(_mm_max_ss(most, _mm_shuffle_ps(most, most, 1)));
  }
  static float First(Avx2Floats x) { return _mm256_cvtss_f32(x.value); }

  // As in avx512_floats.h.
  static Avx2Floats Exp(Avx2Floats x) {
    const __m256 in_range = _mm256_max_ps(_mm256_set1_ps(-87.33F), x.value);  // x where it is NaN
    const __m256 n = _mm256_round_ps(_mm256_mul_ps(in_range, _mm256_set1_ps(1.44269504F)),
                                     _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m256 r = _mm256_fnmadd_ps(n, _mm256_set1_ps(0.693359375F), in_range);
    r = _mm256_fnmadd_ps(n, _mm256_set1_ps(-2.12194440e-4F), r);
    __m256 series = _mm256_set1_ps(1.0F / 5040);
    constexpr float kCoefficients[] = {1.0F / 720, 1.0F / 120, 1.0F / 24, 1.0F / 6, 1.0F / 2, 1.0F, 1.0F};
    for (const float coefficient : kCoefficients) {
      series = _mm256_fmadd_ps(series, r, _mm256_set1_ps(coefficient));
    }
    return {_mm256_mul_ps(series, PowerOfTwo(n))};
  }

  // As in avx512_floats.h.
  static Avx2Floats Exp2(Avx2Floats x) {
    const __m256 in_range = _mm256_max_ps(_mm256_set1_ps(-126), x.value);  // x where it is NaN
    const __m256 n = _mm256_round_ps(in_range, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    const __m256 r = _mm256_sub_ps(in_range, n);
    __m256 series = _mm256_set1_ps(kExp2Highest);
    for (const float coefficient : kExp2Coefficients) {
      series = _mm256_fmadd_ps(series, r, _mm256_set1_ps(coefficient));
    }
    return {_mm256_mul_ps(series, PowerOfTwo(n))};
  }

  // To the nearest number of bfloat16; NaN of NaN, whose lower half, which bfloat16 has not, may be all that says so.
  static Avx2Floats RoundToBf16(Avx2Floats x) {
    const __m256i bits = _mm256_castps_si256(x.value);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i rounded = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7FFF)));
    const __m256 upper = _mm256_castsi256_ps(_mm256_and_si256(rounded, _mm256_set1_epi32(-0x10000)));
    const __m256 quiet = _mm256_castsi256_ps(_mm256_or_si256(bits, _mm256_set1_epi32(0x00400000)));
    return {_mm256_blendv_ps(upper, quiet, _mm256_cmp_ps(x.value, x.value, _CMP_UNORD_Q))};
  }
  static void StoreBf16(Bf16* to, Avx2Floats x) {
    const __m256i halves = _mm256_srli_epi32(_mm256_castps_si256(RoundToBf16(x).value), 16);
    const __m256i packed = _mm256_packus_epi32(halves, halves);  // lanes 0..3 twice, then 4..7 twice
    const __m256i in_order = _mm256_permute4x64_epi64(packed, 0b1000);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm256_castsi256_si128(in_order));
  }

 private:
  // For whole numbers from -126 to 126.
  static __m256 PowerOfTwo(__m256 n) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23));
  }
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_KERNELS_AVX2_FLOATS_H_
