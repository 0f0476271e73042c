// As the formulas read, a sum at a time.
#include <algorithm>
#include <cmath>
#include <limits>

#include "model/kernels/linear_forms.h"
#include "model/kernels/linear_task.h"

namespace bayespfl {
namespace {

float FloatOf(float x) { return x; }

template <typename Element>
void QuantiseRow(const Element* x, int64_t in, const Int8Rows& rows, int64_t row) {
  float lowest = std::numeric_limits<float>::infinity();
  float highest = -lowest;
  float poison = 0;  // NaN as soon as anything is not finite
  for (int64_t i = 0; i < in; ++i) {
    const float value = FloatOf(x[i]);
    lowest = std::min(lowest, value);
    highest = std::max(highest, value);
    poison += value * 0;
  }
  const float step = (highest - lowest) * (1.0F / 255);
  const float to_steps = step > 0 ? 1 / step : 0;
  for (int64_t i = 0; i < in; ++i) {
    const float steps = std::nearbyint((FloatOf(x[i]) - lowest) * to_steps);
    rows.values[row * in + i] = static_cast<uint8_t>(steps > 0 ? std::min(steps, 255.0F) : 0);
  }
  rows.steps[row] = step;
  rows.lowest[row] = lowest + poison;
}

// The numbers of output `column`, in the order of the inputs, lie `depth` by `depth`.
template <typename Number>
const Number* OutputOf(const PackedWeights& weights, int64_t column) {
  constexpr int64_t kDepth = 4 / static_cast<int64_t>(sizeof(Number));
  const int64_t first = column / kLinearColumns * kLinearColumns;
  return static_cast<const Number*>(weights.values) + first * weights.in + (column - first) * kDepth;
}

float Bf16Sum(const LinearTask& task, int64_t row, int64_t column) {
  const Bf16* const w = OutputOf<Bf16>(task.weights, column);
  const Bf16* const x = task.x + row * task.weights.in;
  float sum = 0;
  for (int64_t i = 0; i < task.weights.in; ++i) {
    sum += FloatOf(x[i]) * FloatOf(w[i / 2 * 2 * kLinearColumns + i % 2]);
  }
  return sum + task.weights.bias[column];
}

float Int8Sum(const LinearTask& task, int64_t row, int64_t column) {
  const PackedWeights& weights = task.weights;
  const auto* const w = OutputOf<int8_t>(weights, column);
  const uint8_t* const x = task.int8_x.values + row * weights.in;
  int32_t sum = 0;
  for (int64_t i = 0; i < weights.in; ++i) sum += x[i] * w[i / 4 * 4 * kLinearColumns + i % 4];
  return static_cast<float>(sum) * (task.int8_x.steps[row] * weights.scales[column]) +
         (task.int8_x.lowest[row] * weights.sums[column] + weights.bias[column]);
}

void Finish(const LinearTask& task, int64_t row, int64_t column, float y) {
  if (task.gelu) y *= 0.5F * (1 + std::erf(y * 0.70710678F));
  const int64_t place = row * task.weights.out + column;
  if (task.addend != nullptr) y += task.addend[place];
  if (task.out != nullptr) {
    task.out[place] = y;
  } else {
    task.bf16_out[place] = Bf16Of(y);
  }
}

}  // namespace

void QuantiseRowsPlain(const float* x, int64_t in, const Int8Rows& rows, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; ++row) QuantiseRow(x + row * in, in, rows, row);
}

void QuantiseRowsPlain(const Bf16* x, int64_t in, const Int8Rows& rows, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; ++row) QuantiseRow(x + row * in, in, rows, row);
}

void ApplyLinearPlain(const LinearTask& task, TaskQueue& tasks) {
  const bool is_int8 = task.weights.scales != nullptr;
  for (int64_t index = tasks.Take(); index >= 0; index = tasks.Take()) {
    const LinearPart part = PartOf(task, index);
    const int64_t last_column = std::min(part.first_column + kLinearColumns, task.weights.out);
    for (int64_t row = part.first_row; row < part.last_row; ++row) {
      for (int64_t column = part.first_column; column < last_column; ++column) {
        Finish(task, row, column, is_int8 ? Int8Sum(task, row, column) : Bf16Sum(task, row, column));
      }
    }
  }
}

}  // namespace bayespfl
