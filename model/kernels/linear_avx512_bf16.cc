#include <immintrin.h>

#include <cstring>
#include <new>

#include "model/kernels/avx512_bf16_pairs.h"
#include "model/kernels/linear_forms.h"
#include "model/kernels/linear_task.h"

namespace bayespfl {
namespace {

using Floats = Avx512Floats;
constexpr int64_t kLanes = Floats::kLanes;
static_assert(kLinearColumns == Floats::kTileRegisters * kLanes);

// Lanes of a vector that holds the columns from `column` on.
__mmask16 ColumnsLeft(int64_t column, int64_t columns) {
  const int64_t left = columns - column;
  return left < kLanes ? static_cast<__mmask16>((1U << left) - 1) : static_cast<__mmask16>(-1);
}

// --- rows in 8 bits ---

Floats LoadFloats(const float* from, __mmask16 lanes) { return {_mm512_maskz_loadu_ps(lanes, from)}; }

Floats LoadFloats(const Bf16* from, __mmask16 lanes) {
  const __m512i wide = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(lanes, from));
  return {_mm512_castsi512_ps(_mm512_slli_epi32(wide, 16))};
}

template <typename Element>
void QuantiseRow(const Element* x, int64_t in, const Int8Rows& rows, int64_t row) {
  Floats lowest = Floats::Broadcast(__builtin_inff());
  Floats highest = Floats::Broadcast(-__builtin_inff());
  Floats poison = Floats::Broadcast(0);  // NaN as soon as anything is not finite
  for (int64_t i = 0; i < in; i += kLanes) {
    const __mmask16 lanes = ColumnsLeft(i, in);
    const Floats values = LoadFloats(x + i, lanes);
    lowest.value = _mm512_mask_min_ps(lowest.value, lanes, lowest.value, values.value);
    highest.value = _mm512_mask_max_ps(highest.value, lanes, highest.value, values.value);
    poison = Floats::MultiplyAdd(values, Floats::Broadcast(0), poison);
  }
  const float least = _mm512_reduce_min_ps(lowest.value);
  const float step = (Floats::Largest(highest) - least) * (1.0F / 255);
  const Floats to_steps = Floats::Broadcast(step > 0 ? 1 / step : 0);
  for (int64_t i = 0; i < in; i += kLanes) {
    const __mmask16 lanes = ColumnsLeft(i, in);
    const Floats above = Floats::Subtract(LoadFloats(x + i, lanes), Floats::Broadcast(least));
    const __m512i steps = _mm512_cvtps_epi32(Floats::Multiply(above, to_steps).value);
    _mm512_mask_cvtusepi32_storeu_epi8(rows.values + row * in + i, lanes, steps);
  }
  rows.steps[row] = step;
  rows.lowest[row] = least + Floats::Sum(poison);
}

// --- products ---

// Four numbers of 8 bits in a lane, one factor unsigned. g++ 12 stores every sum to memory, unless their type is this.
struct Int8Quads {
  using Vector = Floats;
  using Integers [[gnu::vector_size(64)]] = int32_t;
  struct Sum {
    Integers value;
  };
  static constexpr int64_t kDepth = 4;

  static Sum NoSum() { return {Integers{}}; }
  static Sum LoadSum(const float* from) { return {IntegersOf(_mm512_cvtps_epi32(_mm512_loadu_ps(from)))}; }
  static void StoreSum(float* to, Sum sum) { _mm512_storeu_ps(to, _mm512_cvtepi32_ps(RegisterOf(sum))); }
  static Sum MultiplyAdd(Vector a, Vector b, Sum c) {
    return {IntegersOf(_mm512_dpbusd_epi32(RegisterOf(c), _mm512_castps_si512(a.value), _mm512_castps_si512(b.value)))};
  }
  static Integers IntegersOf(__m512i x) { return __builtin_bit_cast(Integers, x); }
  static __m512i RegisterOf(Sum x) { return __builtin_bit_cast(__m512i, x.value); }

  static const void* Rows(const LinearTask& task) { return task.int8_x.values; }
  static Floats WithBias(const LinearTask& task, int64_t row, int64_t column, Floats sum) {
    const PackedWeights& weights = task.weights;
    const Floats scale =
        Floats::Multiply(Floats::Broadcast(task.int8_x.steps[row]), Floats::Load(weights.scales + column));
    const Floats constant =
        Floats::MultiplyAdd(Floats::Broadcast(task.int8_x.lowest[row]), Floats::Load(weights.sums + column),
                            Floats::Load(weights.bias + column));
    return Floats::MultiplyAdd(sum, scale, constant);
  }
};

struct Bf16Factors : Avx512Bf16Pairs {
  static const void* Rows(const LinearTask& task) { return task.x; }
  static Floats WithBias(const LinearTask& task, int64_t /*row*/, int64_t column, Floats sum) {
    return Floats::Add(sum, Floats::Load(task.weights.bias + column));
  }
};

// x (1 + erf(x / sqrt(2))) / 2; erf by Abramowitz and Stegun's 7.1.26, which is 1.5e-7 off at most.
Floats Gelu(Floats x) {
  const Floats magnitude = {_mm512_abs_ps(x.value)};
  const Floats t =
      Floats::Divide(Floats::Broadcast(1),
                     Floats::MultiplyAdd(magnitude, Floats::Broadcast(0.3275911F * 0.70710678F), Floats::Broadcast(1)));
  Floats series = Floats::Broadcast(1.061405429F);
  for (const float coefficient : {-1.453152027F, 1.421413741F, -0.284496736F, 0.254829592F, 0.0F}) {
    series = Floats::MultiplyAdd(series, t, Floats::Broadcast(coefficient));
  }
  const Floats square = Floats::Multiply(x, x);
  const Floats bell = Floats::Exp2(Floats::Multiply(square, Floats::Broadcast(-0.5F * 1.44269504F)));
  const Floats error = {_mm512_fnmadd_ps(series.value, bell.value, _mm512_set1_ps(1))};
  return Floats::Multiply(Floats::MultiplyAdd(magnitude, error, x), Floats::Broadcast(0.5F));
}

// Of one thread, for one part after the other.
template <typename Operands>
class PackedProduct {
 public:
  explicit PackedProduct(const LinearTask& task)
      : task_(task),
        lanes_(task.weights.in / Operands::kDepth),
        last_rows_(new Lane[static_cast<size_t>(kTileRows * lanes_)]()) {}
  ~PackedProduct() { delete[] last_rows_; }
  PackedProduct(const PackedProduct&) = delete;
  PackedProduct& operator=(const PackedProduct&) = delete;

  void Run(const LinearPart& part) {
    const auto* const rows = static_cast<const Lane*>(Operands::Rows(task_));
    const auto* const columns = static_cast<const Lane*>(task_.weights.values) + part.first_column * lanes_;
    for (int64_t row = part.first_row; row < part.last_row; row += kTileRows) {
      const Lane* a = rows + row * lanes_;
      const int64_t left = part.last_row - row;
      if (left < kTileRows) {
        std::memcpy(last_rows_, a, static_cast<size_t>(left * lanes_) * sizeof(Lane));
        a = last_rows_;
      }
      MultiplyTile<Operands, false>(a, lanes_, columns, lanes_, sums_[0], kLinearColumns);
      for (int64_t i = 0; i < kTileRows && i < left; ++i) FinishRow(row + i, part.first_column, sums_[i]);
    }
  }

 private:
  [[gnu::noinline]] void FinishRow(int64_t row, int64_t first_column, const float* sums) {
    const int64_t out = task_.weights.out;
    for (int64_t j = 0; j < kLinearColumns && first_column + j < out; j += kLanes) {
      const int64_t column = first_column + j;
      const __mmask16 lanes = ColumnsLeft(column, out);
      Floats y = Operands::WithBias(task_, row, column, Floats::Load(sums + j));
      if (task_.gelu) y = Gelu(y);
      const int64_t place = row * out + column;
      if (task_.addend != nullptr) y = Floats::Add(y, LoadFloats(task_.addend + place, lanes));
      if (task_.out != nullptr) {
        _mm512_mask_storeu_ps(task_.out + place, lanes, y.value);
      } else {
        const auto narrow = __builtin_bit_cast(__m256i, _mm512_cvtneps_pbh(y.value));
        _mm256_mask_storeu_epi16(task_.bf16_out + place, lanes, narrow);
      }
    }
  }

  const LinearTask& task_;
  const int64_t lanes_;    // of a row
  Lane* const last_rows_;  // too few for a tile; what is behind them is of no meaning
  alignas(64) float sums_[kTileRows][kLinearColumns];
};

template <typename Operands>
void ApplyParts(const LinearTask& task, TaskQueue& tasks) {
  PackedProduct<Operands> product(task);
  for (int64_t index = tasks.Take(); index >= 0; index = tasks.Take()) product.Run(PartOf(task, index));
}

}  // namespace

void QuantiseRowsAvx512Bf16(const float* x, int64_t in, const Int8Rows& rows, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; ++row) QuantiseRow(x + row * in, in, rows, row);
}

void QuantiseRowsAvx512Bf16(const Bf16* x, int64_t in, const Int8Rows& rows, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; ++row) QuantiseRow(x + row * in, in, rows, row);
}

void ApplyLinearAvx512Bf16(const LinearTask& task, TaskQueue& tasks) {
  if (task.weights.scales != nullptr) {
    ApplyParts<Int8Quads>(task, tasks);
  } else {
    ApplyParts<Bf16Factors>(task, tasks);
  }
}

}  // namespace bayespfl
