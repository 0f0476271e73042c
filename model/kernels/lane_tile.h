// The innermost product of attention_blocks.h and of linear_avx512_bf16.cc: a tile of sums in registers. As in
// attention_blocks.h: only for files of one instruction set, with `Operands` that only these know.
//
// What is multiplied lies in lanes of 32 bits: a float, or some narrower numbers that are neighbours in a row.
//   Vector               a register of kLanes of them; kTileRegisters lie side by side in a tile
//   Sum                  a register of kLanes sums; NoSum() is zeros
//   LoadSum, StoreSum    from and to floats
//   MultiplyAdd(a, b, c) lane by lane: c and the products of a's numbers with b's
#ifndef BAYESPFL_MODEL_KERNELS_LANE_TILE_H_
#define BAYESPFL_MODEL_KERNELS_LANE_TILE_H_

#include <cstdint>

namespace bayespfl {

// Carried as a float, with which nobody computes where it is none.
using Lane [[gnu::may_alias]] = float;

// Six rows of four registers of AVX-512, or of two of AVX2, leave registers for the columns and a broadcast.
inline constexpr int64_t kTileRows = 6;

// c[row][column] = (or +=) the sum over i < depth of a[row][i] * b[i][column], for kTileRows rows and as many columns
// as a row's registers have. A function of its own, so that no constant of what surrounds it takes one of its
// registers.
template <typename Operands, bool kAdd>
[[gnu::noinline]] void MultiplyTile(const Lane* a, int64_t a_stride, const Lane* b, int64_t depth, float* c,
                                    int64_t c_stride) {
  using Vector = typename Operands::Vector;
  constexpr int64_t kRegisters = Vector::kTileRegisters;
  constexpr int64_t kLanes = Vector::kLanes;
  typename Operands::Sum sums[kTileRows][kRegisters];
#pragma GCC unroll 8
  for (int64_t row = 0; row < kTileRows; ++row) {
#pragma GCC unroll 4
    for (int64_t j = 0; j < kRegisters; ++j) {
      sums[row][j] = kAdd ? Operands::LoadSum(c + row * c_stride + j * kLanes) : Operands::NoSum();
    }
  }
  for (int64_t i = 0; i < depth; ++i) {
    Vector columns[kRegisters];
#pragma GCC unroll 4
    for (int64_t j = 0; j < kRegisters; ++j) columns[j] = Vector::Load(b + (i * kRegisters + j) * kLanes);
#pragma GCC unroll 8
    for (int64_t row = 0; row < kTileRows; ++row) {
      const Vector lane = Vector::Broadcast(a[row * a_stride + i]);
#pragma GCC unroll 4
      for (int64_t j = 0; j < kRegisters; ++j) sums[row][j] = Operands::MultiplyAdd(lane, columns[j], sums[row][j]);
    }
  }
#pragma GCC unroll 8
  for (int64_t row = 0; row < kTileRows; ++row) {
#pragma GCC unroll 4
    for (int64_t j = 0; j < kRegisters; ++j) Operands::StoreSum(c + row * c_stride + j * kLanes, sums[row][j]);
  }
}

// `Operands` whose sums are floats of Floats.
template <typename Floats>
struct FloatSums {
  using Vector = Floats;
  using Sum = Floats;

  static Sum NoSum() { return Floats::Broadcast(0); }
  static Sum LoadSum(const float* from) { return Floats::Load(from); }
  static void StoreSum(float* to, Sum sum) { Floats::Store(to, sum); }
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_KERNELS_LANE_TILE_H_
