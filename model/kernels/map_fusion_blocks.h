// The form of FuseMaps() for vectors of any width: a vector holds pixels that lie side by side. What attention_blocks.h
// says of templates that are compiled for an instruction set holds here too.
//
// `Vector` is a register of kLanes floats:
//   Load, Store               any alignment
//   Broadcast(float), Add, Subtract, Multiply, Divide, SquareRoot
//   MultiplyAdd(a, b, c)      a * b + c, rounded once
//   Min(a, b)                 b where one is NaN
//   Exp(x)                    relative error 2e-7 for -87 <= x <= 87; 0 or below 1e-37 below that; NaN of NaN
#ifndef BAYESPFL_MODEL_KERNELS_MAP_FUSION_BLOCKS_H_
#define BAYESPFL_MODEL_KERNELS_MAP_FUSION_BLOCKS_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>

#include "model/kernels/map_fusion_task.h"

namespace bayespfl {

template <typename Vector>
class BlockedMapFusion {
 public:
  explicit BlockedMapFusion(const MapFusionTask& task)
      : task_(task),
        all_maps_(task.shape.samples * task.shape.maps),
        floats_(new (kAlignment) float[static_cast<size_t>((2 * all_maps_ + task.shape.samples) * kLanes)]),
        upper_(floats_),
        lower_(floats_ + all_maps_ * kLanes),
        samples_(floats_ + 2 * all_maps_ * kLanes) {}
  ~BlockedMapFusion() { ::operator delete[](floats_, kAlignment); }
  BlockedMapFusion(const BlockedMapFusion&) = delete;
  BlockedMapFusion& operator=(const BlockedMapFusion&) = delete;

  void Run() {
    const int64_t side = task_.shape.side;
    for (int64_t x = 0; x < side; x += kLanes) {
      TakeColumns(x);
      const int64_t left = side - x;
      for (int64_t y = task_.begin; y < task_.end; ++y) {
        TakeRow(task_.positions[y]);
        FusePixels(y * side + x, task_.positions[y].weight, left < kLanes ? left : kLanes);
      }
    }
  }

 private:
  static constexpr int64_t kLanes = Vector::kLanes;
  static constexpr std::align_val_t kAlignment{64};

  // Columns beyond the last repeat it; nobody reads what becomes of them.
  void TakeColumns(int64_t first) {
    for (int64_t lane = 0; lane < kLanes; ++lane) {
      const int64_t column = first + lane;
      columns_[lane] = task_.positions[column < task_.shape.side ? column : task_.shape.side - 1];
      weights_[lane] = columns_[lane].weight;
    }
    row_ = -1;
  }

  // Lets `upper_` and `lower_` hold the two rows of every small map that a row of the result lies between.
  void TakeRow(const GridPosition& row) {
    if (row.low == row_) return;
    if (row_ >= 0 && row.low == row_ + 1) {
      float* const next = lower_;
      lower_ = upper_;
      upper_ = next;
    } else {
      WidenRow(row.low, upper_);
    }
    WidenRow(row.high, lower_);
    row_ = row.low;
  }

  // [all maps][kLanes]: row `row` of every small map at the columns taken.
  [[gnu::noinline]] void WidenRow(int64_t row, float* to) const {
    const int64_t grid = task_.shape.grid;
    const float* from = task_.logits + row * grid;
    const Vector weights = Vector::Load(weights_);
    for (int64_t map = 0; map < all_maps_; ++map, from += grid * grid, to += kLanes) {
      alignas(64) float left[kLanes];
      alignas(64) float right[kLanes];
      for (int64_t lane = 0; lane < kLanes; ++lane) {
        left[lane] = from[columns_[lane].low];
        right[lane] = from[columns_[lane].high];
      }
      Vector::Store(to, Between(Vector::Load(left), Vector::Load(right), weights));
    }
  }

  [[gnu::noinline]] void FusePixels(int64_t pixel, float row_weight, int64_t count) const {
    const Vector weight = Vector::Broadcast(row_weight);
    const Vector maps = Vector::Broadcast(static_cast<float>(task_.shape.maps));
    const float* upper = upper_;
    const float* lower = lower_;
    Vector total = Vector::Broadcast(0);
    for (int64_t sample = 0; sample < task_.shape.samples; ++sample) {
      Vector sum = Vector::Broadcast(0);
      for (int64_t map = 0; map < task_.shape.maps; ++map, upper += kLanes, lower += kLanes) {
        sum = Vector::Add(sum, Sigmoid(Between(Vector::Load(upper), Vector::Load(lower), weight)));
      }
      const Vector mean = Vector::Divide(sum, maps);
      Vector::Store(samples_ + sample * kLanes, mean);
      total = Vector::Add(total, mean);
    }
    const Vector mean = Vector::Divide(total, Vector::Broadcast(static_cast<float>(task_.shape.samples)));
    StoreFirst(task_.out.mean + pixel, mean, count);
    if (task_.out.deviation != nullptr) StoreFirst(task_.out.deviation + pixel, DeviationFrom(mean), count);
  }

  // From the samples themselves once their mean is known: no difference of large sums.
  Vector DeviationFrom(Vector mean) const {
    Vector squares = Vector::Broadcast(0);
    for (int64_t sample = 0; sample < task_.shape.samples; ++sample) {
      const Vector difference = Vector::Subtract(Vector::Load(samples_ + sample * kLanes), mean);
      squares = Vector::MultiplyAdd(difference, difference, squares);
    }
    return Vector::SquareRoot(Vector::Divide(squares, Vector::Broadcast(static_cast<float>(task_.shape.samples))));
  }

  static Vector Between(Vector low, Vector high, Vector weight) {
    return Vector::MultiplyAdd(weight, Vector::Subtract(high, low), low);
  }

  // 1e-38 where it would be less.
  static Vector Sigmoid(Vector x) {
    const Vector one = Vector::Broadcast(1);
    const Vector power = Vector::Exp(Vector::Min(Vector::Broadcast(87), Vector::Subtract(Vector::Broadcast(0), x)));
    return Vector::Divide(one, Vector::Add(one, power));
  }

  static void StoreFirst(float* to, Vector values, int64_t count) {
    if (count == kLanes) return Vector::Store(to, values);
    alignas(64) float all[kLanes];
    Vector::Store(all, values);
    std::memcpy(to, all, static_cast<size_t>(count) * sizeof(float));
  }

  const MapFusionTask task_;
  const int64_t all_maps_;  // of all samples
  float* const floats_;     // what the next three point into
  float* upper_;            // [all maps][kLanes]
  float* lower_;            // [all maps][kLanes]
  float* const samples_;    // [samples][kLanes]: the pixels' means over a sample's maps
  int64_t row_ = -1;        // of the small maps that `upper_` holds; -1: none
  GridPosition columns_[kLanes];
  alignas(64) float weights_[kLanes];
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_KERNELS_MAP_FUSION_BLOCKS_H_
