// The blocked form of Attend(), for vectors of any width. Included by one file for each instruction set, which is
// compiled for it: everything here must be of that file alone, or the linker could give another file code that its
// processor does not have. So it is a template of types that only files for the same instructions know, and uses
// nothing of the standard library but what the compiler makes itself.
//
// `Operands` is what the products multiply: that of lane_tile.h, and
//   Element              of qkv and out
//   kDepth               elements in a lane
//   LaneOf(row, i)       elements i * kDepth and on of a row of elements
//   LaneOf(values, stride, count, i)  element i of so many rows, at most kDepth; 0 for those that are not there
//   Narrow(weights, to)  stores kDepth registers of floats as kLanes lanes; returns the sum of the registers
//   Store(to, x)         stores a register of floats as elements
//
// `Vector`, beside what lane_tile.h wants of it:
//   Load, Store          any alignment
//   Broadcast(float)
//   MultiplyAdd(a, b, c) a * b + c, rounded once
//   Max(a, b)            b where one is NaN
//   Exp2(x)              2^x, relative error 2e-7 for x <= 126; 0 or below 2e-38 from -126 down; NaN of NaN
//   Sum, Largest         over the lanes
#ifndef BAYESPFL_MODEL_KERNELS_ATTENTION_BLOCKS_H_
#define BAYESPFL_MODEL_KERNELS_ATTENTION_BLOCKS_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>

#include "model/kernels/attention_task.h"
#include "model/kernels/lane_tile.h"

namespace bayespfl {

// Of one thread, for one task after the other.
template <typename Operands>
class BlockedAttention {
 public:
  using Element = typename Operands::Element;
  using Task = AttentionTask<Element>;

  explicit BlockedAttention(int64_t length)
      : padded_((length + kTileColumns - 1) / kTileColumns * kTileColumns),
        keys_(new (kAlignment) Lane[static_cast<size_t>(padded_ * kLanesOfHead)]),
        values_(new (kAlignment) Lane[static_cast<size_t>(padded_ * kLanesOfHead)]) {}
  ~BlockedAttention() {
    ::operator delete[](keys_, kAlignment);
    ::operator delete[](values_, kAlignment);
  }
  BlockedAttention(const BlockedAttention&) = delete;
  BlockedAttention& operator=(const BlockedAttention&) = delete;

  void Run(const Task& task) {
    PackKeys(task);
    PackValues(task);
    for (int64_t query = task.first_query; query < task.last_query; query += kQueries) {
      const int64_t left = task.last_query - query;
      AttendBlock(task, query, left < kQueries ? left : kQueries);
    }
  }

 private:
  using Vector = typename Operands::Vector;
  static constexpr int64_t kWidth = kAttentionHeadWidth;
  static constexpr int64_t kLanes = Vector::kLanes;
  static constexpr int64_t kDepth = Operands::kDepth;
  static constexpr int64_t kLanesOfHead = kWidth / kDepth;
  static constexpr int64_t kTileColumns = Vector::kTileRegisters * kLanes;
  // A block's scores, a block of keys and one of values lie in the first-level cache together.
  static constexpr int64_t kQueries = 4 * kTileRows;
  static constexpr int64_t kKeys = 128;
  // Weights are powers of two of the scores times this: 1 / sqrt(64), and the exponential's base.
  static constexpr float kScale = 0.125F * 1.44269504F;
  static constexpr std::align_val_t kAlignment{64};
  static_assert(kKeys % kTileColumns == 0 && kWidth % kTileColumns == 0 && kTileColumns % (kDepth * kLanes) == 0);

  // Tiles of kTileColumns keys, each [kLanesOfHead][kTileColumns]; keys beyond the last are 0.
  void PackKeys(const Task& task) {
    for (int64_t first = 0; first < padded_; first += kTileColumns) {
      Lane* const tile = keys_ + first * kLanesOfHead;
      for (int64_t j = 0; j < kTileColumns; ++j) {
        const bool is_there = first + j < task.length;
        const Element* const key = task.keys + (first + j) * task.qkv_stride;
        for (int64_t i = 0; i < kLanesOfHead; ++i) {
          tile[i * kTileColumns + j] = is_there ? Operands::LaneOf(key, i) : 0;
        }
      }
    }
  }

  // Slices of kTileColumns of the head's width, each [keys / kDepth][kTileColumns]; values beyond the last are 0.
  void PackValues(const Task& task) {
    for (int64_t slice = 0; slice < kWidth / kTileColumns; ++slice) {
      Lane* to = values_ + slice * padded_ / kDepth * kTileColumns;
      for (int64_t key = 0; key < padded_; key += kDepth) {
        const Element* const from = task.values + key * task.qkv_stride + slice * kTileColumns;
        const int64_t left = task.length - key;
        for (int64_t j = 0; j < kTileColumns; ++j) {
          *to++ = left > 0 ? Operands::LaneOf(from, task.qkv_stride, left, j) : 0;
        }
      }
    }
  }

  void AttendBlock(const Task& task, int64_t first_query, int64_t queries) {
    for (int64_t row = 0; row < kQueries; ++row) {
      // Rows that are too many repeat the last one; nobody reads what becomes of them.
      const int64_t query = first_query + (row < queries ? row : queries - 1);
      const Element* const from = task.queries + query * task.qkv_stride;
      for (int64_t i = 0; i < kLanesOfHead; ++i) queries_[row][i] = Operands::LaneOf(from, i);
      largest_[row] = -__builtin_inff();
      sum_[row] = 0;
    }
    std::memset(mixed_, 0, sizeof(mixed_));
    for (int64_t first_key = 0; first_key < padded_; first_key += kKeys) {
      const int64_t left = padded_ - first_key;
      AddKeys(task.length, first_key, left < kKeys ? left : kKeys);
    }
    for (int64_t row = 0; row < queries; ++row) {
      Element* const to = task.out + (first_query + row) * task.out_stride;
      const Vector sum = Vector::Broadcast(1 / sum_[row]);
      for (int64_t d = 0; d < kWidth; d += kLanes) {
        Operands::Store(to + d, Vector::Multiply(Vector::Load(mixed_[row] + d), sum));
      }
    }
  }

  // One step of the online softmax: `keys` (a multiple of kTileColumns) from `first_key` on.
  void AddKeys(int64_t length, int64_t first_key, int64_t keys) {
    for (int64_t column = 0; column < keys; column += kTileColumns) {
      const Lane* const tile = keys_ + (first_key + column) * kLanesOfHead;
      for (int64_t row = 0; row < kQueries; row += kTileRows) {
        MultiplyTile<Operands, false>(queries_[row], kLanesOfHead, tile, kLanesOfHead, scores_[row] + column, kKeys);
      }
    }
    for (int64_t row = 0; row < kQueries; ++row) {
      for (int64_t column = length - first_key; column < keys; ++column) scores_[row][column] = -__builtin_inff();
      Weigh(row, keys);
    }
    for (int64_t slice = 0; slice < kWidth / kTileColumns; ++slice) {
      const Lane* const tile = values_ + (slice * padded_ + first_key) / kDepth * kTileColumns;
      for (int64_t row = 0; row < kQueries; row += kTileRows) {
        MultiplyTile<Operands, true>(scores_[row], kKeys, tile, keys / kDepth, mixed_[row] + slice * kTileColumns,
                                     kWidth);
      }
    }
  }

  // Turns a row's scores into weights relative to the largest score so far, in lanes, and what was summed before
  // likewise.
  [[gnu::noinline]] void Weigh(int64_t row, int64_t keys) {
    float* const scores = scores_[row];
    Vector most = Vector::Load(scores);
    for (int64_t i = kLanes; i < keys; i += kLanes) most = Vector::Max(most, Vector::Load(scores + i));
    const float before = largest_[row];
    const float block = Vector::Largest(most);
    const float largest = block > before ? block : before;
    const Vector scale = Vector::Broadcast(kScale);
    const Vector subtract = Vector::Broadcast(-largest * kScale);
    Vector sum = Vector::Broadcast(0);
    for (int64_t i = 0; i < keys; i += kDepth * kLanes) {
      Vector weights[kDepth];
#pragma GCC unroll 2
      for (int64_t j = 0; j < kDepth; ++j) {
        weights[j] = Vector::Exp2(Vector::MultiplyAdd(Vector::Load(scores + i + j * kLanes), scale, subtract));
      }
      sum = Vector::Add(sum, Operands::Narrow(weights, scores + i / kDepth));
    }
    if (largest != before) {
      const Vector shrink = Vector::Exp2(Vector::Broadcast((before - largest) * kScale));
      for (int64_t d = 0; d < kWidth; d += kLanes) {
        Vector::Store(mixed_[row] + d, Vector::Multiply(Vector::Load(mixed_[row] + d), shrink));
      }
      sum_[row] *= Vector::First(shrink);
      largest_[row] = largest;
    }
    sum_[row] += Vector::Sum(sum);
  }

  const int64_t padded_;  // keys, rounded up to whole tiles
  Lane* const keys_;
  Lane* const values_;
  alignas(64) Lane queries_[kQueries][kLanesOfHead];
  alignas(64) float scores_[kQueries][kKeys];
  alignas(64) float mixed_[kQueries][kWidth];
  float largest_[kQueries];
  float sum_[kQueries];
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_KERNELS_ATTENTION_BLOCKS_H_
