#include <immintrin.h>

#include "model/kernels/weighted_rows_blocks.h"
#include "model/kernels/weighted_rows_forms.h"

namespace bayespfl {
namespace {

struct Avx2Doubles {
  static constexpr int64_t kLanes = 4;

  __m256d value;

  static Avx2Doubles Load(const float* from) { return {_mm256_cvtps_pd(_mm_loadu_ps(from))}; }
  static void Store(float* to, Avx2Doubles x) { _mm_storeu_ps(to, _mm256_cvtpd_ps(x.value)); }
  static Avx2Doubles Broadcast(double x) { return {_mm256_set1_pd(x)}; }
  static Avx2Doubles Add(Avx2Doubles a, Avx2Doubles b) { return {_mm256_add_pd(a.value, b.value)}; }
  static Avx2Doubles Multiply(Avx2Doubles a, Avx2Doubles b) { return {_mm256_mul_pd(a.value, b.value)}; }
};

}  // namespace

void AddWeightedRowsAvx2(const WeightedRows& rows, float* out) { AddWeightedBlocks<Avx2Doubles>(rows, out); }

}  // namespace bayespfl
