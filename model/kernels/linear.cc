#include "model/kernels/linear.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "model/kernels/linear_forms.h"

namespace bayespfl {
namespace {

constexpr int64_t kLaneBytes = 4;

// Where input `i` of output `column` lies: tiles of kLinearColumns outputs, each [in / depth][outputs][depth] with as
// many neighbouring inputs in a lane as there is room for.
int64_t PlaceOf(int64_t column, int64_t i, int64_t in, int64_t depth) {
  const int64_t first = column / kLinearColumns * kLinearColumns;
  return first * in + (i / depth * kLinearColumns + column - first) * depth + i % depth;
}

float LargestMagnitude(const float* values, int64_t count) {
  float largest = 0;
  for (int64_t i = 0; i < count; ++i) largest = std::max(largest, std::abs(values[i]));
  return largest;
}

}  // namespace

void PackBf16(const float* weight, int64_t in, int64_t out, Bf16* packed, int64_t begin, int64_t end) {
  constexpr int64_t kDepth = kLaneBytes / static_cast<int64_t>(sizeof(Bf16));
  for (int64_t column = begin; column < end; ++column) {
    for (int64_t i = 0; i < in; ++i) {
      packed[PlaceOf(column, i, in, kDepth)] = column < out ? Bf16Of(weight[column * in + i]) : Bf16();
    }
  }
}

void PackInt8(const float* weight, int64_t in, int64_t out, int8_t* packed, float* scales, float* sums, int64_t begin,
              int64_t end) {
  constexpr float kLargest = 127;
  for (int64_t column = begin; column < end; ++column) {
    const float* const row = weight + column * in;
    scales[column] = column < out ? LargestMagnitude(row, in) / kLargest : 0;
    const float to_steps = scales[column] > 0 ? 1 / scales[column] : 0;
    int64_t sum = 0;
    for (int64_t i = 0; i < in; ++i) {
      const float steps = to_steps > 0 ? std::clamp(std::nearbyint(row[i] * to_steps), -kLargest, kLargest) : 0;
      packed[PlaceOf(column, i, in, kLaneBytes)] = static_cast<int8_t>(steps);
      sum += static_cast<int64_t>(steps);
    }
    sums[column] = static_cast<float>(sum) * scales[column];
  }
}

void QuantiseRows(InstructionSet instructions, const float* x, int64_t in, const Int8Rows& rows, int64_t begin,
                  int64_t end) {
#ifdef __x86_64__
  if (instructions == InstructionSet::kAvx512Bf16) return QuantiseRowsAvx512Bf16(x, in, rows, begin, end);
#endif
  QuantiseRowsPlain(x, in, rows, begin, end);
}

void QuantiseRows(InstructionSet instructions, const Bf16* x, int64_t in, const Int8Rows& rows, int64_t begin,
                  int64_t end) {
#ifdef __x86_64__
  if (instructions == InstructionSet::kAvx512Bf16) return QuantiseRowsAvx512Bf16(x, in, rows, begin, end);
#endif
  QuantiseRowsPlain(x, in, rows, begin, end);
}

void ApplyLinear(InstructionSet instructions, const LinearTask& task, TaskQueue& tasks) {
#ifdef __x86_64__
  if (instructions == InstructionSet::kAvx512Bf16) return ApplyLinearAvx512Bf16(task, tasks);
#endif
  ApplyLinearPlain(task, tasks);
}

}  // namespace bayespfl
