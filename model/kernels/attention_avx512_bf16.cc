#include <immintrin.h>

#include "model/kernels/attention_blocks.h"
#include "model/kernels/attention_forms.h"
#include "model/kernels/avx512_bf16_pairs.h"

namespace bayespfl {
namespace {

struct Bf16PairOperands : Avx512Bf16Pairs {
  using Element = Bf16;

  static Lane LaneOf(const Bf16* row, int64_t i) {
    Lane lane = 0;
    std::memcpy(&lane, row + 2 * i, sizeof(lane));
    return lane;
  }
  static Lane LaneOf(const Bf16* values, int64_t stride, int64_t count, int64_t i) {
    const uint32_t second = count > 1 ? values[stride + i].bits : 0;
    return __builtin_bit_cast(float, second << 16 | values[i].bits);
  }
  static Vector Narrow(const Vector (&weights)[kDepth], float* to) {
    const __m512bh narrow = _mm512_cvtne2ps_pbh(weights[1].value, weights[0].value);
    Vector::Store(to, {__builtin_bit_cast(__m512, narrow)});
    return Vector::Add(weights[0], weights[1]);
  }
  static void Store(Bf16* to, Vector x) { Vector::StoreBf16(to, x); }
};

}  // namespace

void AttendAvx512Bf16(const AttentionShape& shape, const Bf16* qkv, Bf16* out, TaskQueue& tasks) {
  BlockedAttention<Bf16PairOperands> attention(shape.length);
  for (int64_t task = tasks.Take(); task >= 0; task = tasks.Take()) attention.Run(TaskOf(shape, qkv, out, task));
}

}  // namespace bayespfl
