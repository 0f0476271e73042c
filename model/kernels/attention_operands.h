// `Operands` of attention_blocks.h that are multiplied as floats. As there: only for files of one instruction set.
#ifndef BAYESPFL_MODEL_KERNELS_ATTENTION_OPERANDS_H_
#define BAYESPFL_MODEL_KERNELS_ATTENTION_OPERANDS_H_

#include <cstdint>

#include "model/kernels/bf16.h"
#include "model/kernels/lane_tile.h"

namespace bayespfl {

template <typename Floats>
struct FloatOperands : FloatSums<Floats> {
  using Element = float;
  using Vector = Floats;
  static constexpr int64_t kDepth = 1;

  static Lane LaneOf(const float* row, int64_t i) { return row[i]; }
  static Lane LaneOf(const float* values, int64_t /*stride*/, int64_t /*count*/, int64_t i) { return values[i]; }
  static Vector MultiplyAdd(Vector a, Vector b, Vector c) { return Vector::MultiplyAdd(a, b, c); }
  static Vector Narrow(const Vector (&weights)[kDepth], float* to) {
    Vector::Store(to, weights[0]);
    return weights[0];
  }
  static void Store(float* to, Vector x) { Vector::Store(to, x); }
};

// Where there is no multiplication of bfloat16: as floats, whose products are exact.
template <typename Floats>
struct WidenedBf16Operands : FloatSums<Floats> {
  using Element = Bf16;
  using Vector = Floats;
  static constexpr int64_t kDepth = 1;

  static Lane LaneOf(const Bf16* row, int64_t i) { return FloatOf(row[i]); }
  static Lane LaneOf(const Bf16* values, int64_t /*stride*/, int64_t /*count*/, int64_t i) {
    return FloatOf(values[i]);
  }
  static Vector MultiplyAdd(Vector a, Vector b, Vector c) { return Vector::MultiplyAdd(a, b, c); }
  static Vector Narrow(const Vector (&weights)[kDepth], float* to) {
    Vector::Store(to, Vector::RoundToBf16(weights[0]));
    return weights[0];
  }
  static void Store(Bf16* to, Vector x) { Vector::StoreBf16(to, x); }
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_KERNELS_ATTENTION_OPERANDS_H_
