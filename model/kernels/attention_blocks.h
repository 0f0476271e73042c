// The blocked form of Attend(), for vectors of any width. Included by one file for each instruction set, which is
// compiled for it: everything here must be of that file alone, or the linker could give another file code that its
// processor does not have. So it is a template of a type that only files for the same instructions know, and uses
// nothing of the standard library but what the compiler makes itself.
//
// `Vector` is a register of kLanes floats:
//   kTileRegisters       of them lie side by side in a tile: kTileRows times as many sums must fit into registers
//   Load, Store          any alignment
//   Broadcast(float)
//   MultiplyAdd(a, b, c) a * b + c, rounded once
//   Max(a, b)            b where one is NaN
//   Exp(x)               relative error 2e-7 for x <= 87; 0 or below 1e-37 from -87 down; NaN of NaN
//   Sum, Largest         over the lanes
#ifndef BAYESPFL_MODEL_KERNELS_ATTENTION_BLOCKS_H_
#define BAYESPFL_MODEL_KERNELS_ATTENTION_BLOCKS_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>

#include "model/kernels/attention_task.h"

namespace bayespfl {

// Of one thread, for one task after the other.
template <typename Vector>
class BlockedAttention {
 public:
  explicit BlockedAttention(int64_t length)
      : padded_((length + kTileColumns - 1) / kTileColumns * kTileColumns),
        keys_(new (kAlignment) float[static_cast<size_t>(padded_ * kWidth)]),
        values_(new (kAlignment) float[static_cast<size_t>(padded_ * kWidth)]) {}
  ~BlockedAttention() {
    ::operator delete[](keys_, kAlignment);
    ::operator delete[](values_, kAlignment);
  }
  BlockedAttention(const BlockedAttention&) = delete;
  BlockedAttention& operator=(const BlockedAttention&) = delete;

  void Run(const AttentionTask& task) {
    PackKeys(task);
    PackValues(task);
    for (int64_t query = task.first_query; query < task.last_query; query += kQueries) {
      const int64_t left = task.last_query - query;
      AttendBlock(task, query, left < kQueries ? left : kQueries);
    }
  }

 private:
  static constexpr int64_t kWidth = kAttentionHeadWidth;
  static constexpr int64_t kLanes = Vector::kLanes;
  static constexpr int64_t kTileRows = 6;
  static constexpr int64_t kTileColumns = Vector::kTileRegisters * kLanes;
  // A block's scores, a block of keys and one of values lie in the first-level cache together.
  static constexpr int64_t kQueries = 4 * kTileRows;
  static constexpr int64_t kKeys = 128;
  static constexpr std::align_val_t kAlignment{64};
  static_assert(kKeys % kTileColumns == 0 && kWidth % kTileColumns == 0);

  // c[row][column] = (or +=) the sum over i < depth of a[row][i] * b[i][column], for a tile of rows and columns.
  // A function of its own, so that no constant of the softmax takes one of its registers.
  template <bool kAdd>
  [[gnu::noinline]] static void MultiplyTile(const float* a, int64_t a_stride, const float* b, int64_t depth, float* c,
                                             int64_t c_stride) {
    Vector sums[kTileRows][Vector::kTileRegisters];
#pragma GCC unroll 8
    for (int64_t row = 0; row < kTileRows; ++row) {
#pragma GCC unroll 4
      for (int64_t j = 0; j < Vector::kTileRegisters; ++j) {
        sums[row][j] = kAdd ? Vector::Load(c + row * c_stride + j * kLanes) : Vector::Broadcast(0);
      }
    }
    for (int64_t i = 0; i < depth; ++i) {
      Vector columns[Vector::kTileRegisters];
#pragma GCC unroll 4
      for (int64_t j = 0; j < Vector::kTileRegisters; ++j) {
        columns[j] = Vector::Load(b + i * kTileColumns + j * kLanes);
      }
#pragma GCC unroll 8
      for (int64_t row = 0; row < kTileRows; ++row) {
        const Vector scalar = Vector::Broadcast(a[row * a_stride + i]);
#pragma GCC unroll 4
        for (int64_t j = 0; j < Vector::kTileRegisters; ++j) {
          sums[row][j] = Vector::MultiplyAdd(scalar, columns[j], sums[row][j]);
        }
      }
    }
#pragma GCC unroll 8
    for (int64_t row = 0; row < kTileRows; ++row) {
#pragma GCC unroll 4
      for (int64_t j = 0; j < Vector::kTileRegisters; ++j) {
        Vector::Store(c + row * c_stride + j * kLanes, sums[row][j]);
      }
    }
  }

  // Tiles of kTileColumns keys, each [64][kTileColumns]; keys beyond the last are 0.
  void PackKeys(const AttentionTask& task) {
    for (int64_t first = 0; first < padded_; first += kTileColumns) {
      float* const tile = keys_ + first * kWidth;
      for (int64_t j = 0; j < kTileColumns; ++j) {
        const bool is_there = first + j < task.length;
        const float* const key = task.keys + (first + j) * task.qkv_stride;
        for (int64_t d = 0; d < kWidth; ++d) tile[d * kTileColumns + j] = is_there ? key[d] : 0;
      }
    }
  }

  // Slices of kTileColumns of the head's width, each [keys][kTileColumns]; values beyond the last are 0.
  void PackValues(const AttentionTask& task) {
    for (int64_t slice = 0; slice < kWidth / kTileColumns; ++slice) {
      float* const to = values_ + slice * padded_ * kTileColumns;
      for (int64_t key = 0; key < task.length; ++key) {
        std::memcpy(to + key * kTileColumns, task.values + key * task.qkv_stride + slice * kTileColumns,
                    kTileColumns * sizeof(float));
      }
      std::memset(to + task.length * kTileColumns, 0,
                  static_cast<size_t>((padded_ - task.length) * kTileColumns) * sizeof(float));
    }
  }

  void AttendBlock(const AttentionTask& task, int64_t first_query, int64_t queries) {
    for (int64_t row = 0; row < kQueries; ++row) {
      // Rows that are too many repeat the last one; nobody reads what becomes of them.
      const int64_t query = first_query + (row < queries ? row : queries - 1);
      const float* const from = task.queries + query * task.qkv_stride;
      for (int64_t d = 0; d < kWidth; ++d) queries_[row][d] = from[d] * 0.125F;  // 1 / sqrt(64)
      largest_[row] = -__builtin_inff();
      sum_[row] = 0;
    }
    std::memset(mixed_, 0, sizeof(mixed_));
    for (int64_t first_key = 0; first_key < padded_; first_key += kKeys) {
      const int64_t left = padded_ - first_key;
      AddKeys(task.length, first_key, left < kKeys ? left : kKeys);
    }
    for (int64_t row = 0; row < queries; ++row) {
      float* const to = task.out + (first_query + row) * task.out_stride;
      const Vector sum = Vector::Broadcast(1 / sum_[row]);
      for (int64_t d = 0; d < kWidth; d += kLanes) {
        Vector::Store(to + d, Vector::Multiply(Vector::Load(mixed_[row] + d), sum));
      }
    }
  }

  // One step of the online softmax: `keys` (a multiple of kTileColumns) from `first_key` on.
  void AddKeys(int64_t length, int64_t first_key, int64_t keys) {
    for (int64_t column = 0; column < keys; column += kTileColumns) {
      const float* const tile = keys_ + (first_key + column) * kWidth;
      for (int64_t row = 0; row < kQueries; row += kTileRows) {
        MultiplyTile<false>(queries_[row], kWidth, tile, kWidth, scores_[row] + column, kKeys);
      }
    }
    for (int64_t row = 0; row < kQueries; ++row) {
      for (int64_t column = length - first_key; column < keys; ++column) scores_[row][column] = -__builtin_inff();
      Weigh(row, keys);
    }
    for (int64_t slice = 0; slice < kWidth / kTileColumns; ++slice) {
      const float* const tile = values_ + (slice * padded_ + first_key) * kTileColumns;
      for (int64_t row = 0; row < kQueries; row += kTileRows) {
        MultiplyTile<true>(scores_[row], kKeys, tile, keys, mixed_[row] + slice * kTileColumns, kWidth);
      }
    }
  }

  // Turns a row's scores into weights relative to the largest score so far, and what was summed before likewise.
  [[gnu::noinline]] void Weigh(int64_t row, int64_t keys) {
    float* const scores = scores_[row];
    Vector most = Vector::Load(scores);
    for (int64_t i = kLanes; i < keys; i += kLanes) most = Vector::Max(most, Vector::Load(scores + i));
    const float before = largest_[row];
    const float block = Vector::Largest(most);
    const float largest = block > before ? block : before;
    const Vector subtract = Vector::Broadcast(-largest);
    Vector sum = Vector::Broadcast(0);
    for (int64_t i = 0; i < keys; i += kLanes) {
      const Vector weight = Vector::Exp(Vector::Add(Vector::Load(scores + i), subtract));
      Vector::Store(scores + i, weight);
      sum = Vector::Add(sum, weight);
    }
    if (largest != before) {
      const Vector shrink = Vector::Exp(Vector::Broadcast(before - largest));
      for (int64_t d = 0; d < kWidth; d += kLanes) {
        Vector::Store(mixed_[row] + d, Vector::Multiply(Vector::Load(mixed_[row] + d), shrink));
      }
      sum_[row] *= Vector::First(shrink);
      largest_[row] = largest;
    }
    sum_[row] += Vector::Sum(sum);
  }

  const int64_t padded_;  // keys, rounded up to whole tiles
  float* const keys_;
  float* const values_;
  alignas(64) float queries_[kQueries][kWidth];
  alignas(64) float scores_[kQueries][kKeys];
  alignas(64) float mixed_[kQueries][kWidth];
  float largest_[kQueries];
  float sum_[kQueries];
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_KERNELS_ATTENTION_BLOCKS_H_
