#include <immintrin.h>

#include "model/kernels/weighted_rows_blocks.h"
#include "model/kernels/weighted_rows_forms.h"

namespace bayespfl {
namespace {

struct Avx512Doubles {
  static constexpr int64_t kLanes = 8;

  __m512d value;

  static Avx512Doubles Load(const float* from) { return {_mm512_cvtps_pd(_mm256_loadu_ps(from))}; }
  static void Store(float* to, Avx512Doubles x) { _mm256_storeu_ps(to, _mm512_cvtpd_ps(x.value)); }
  static Avx512Doubles Broadcast(double x) { return {_mm512_set1_pd(x)}; }
  static Avx512Doubles Add(Avx512Doubles a, Avx512Doubles b) { return {_mm512_add_pd(a.value, b.value)}; }
  static Avx512Doubles Multiply(Avx512Doubles a, Avx512Doubles b) { return {_mm512_mul_pd(a.value, b.value)}; }
};

}  // namespace

void AddWeightedRowsAvx512(const WeightedRows& rows, float* out) { AddWeightedBlocks<Avx512Doubles>(rows, out); }

}  // namespace bayespfl
