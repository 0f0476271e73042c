#include "model/kernels/weighted_rows_blocks.h"
#include "model/kernels/weighted_rows_forms.h"

namespace bayespfl {
namespace {

// One at a time; what lies side by side in a block, the compiler may do at once.
struct PlainDoubles {
  static constexpr int64_t kLanes = 1;

  double value;

  static PlainDoubles Load(const float* from) { return {*from}; }
  static void Store(float* to, PlainDoubles x) { *to = static_cast<float>(x.value); }
  static PlainDoubles Broadcast(double x) { return {x}; }
  static PlainDoubles Add(PlainDoubles a, PlainDoubles b) { return {a.value + b.value}; }
  static PlainDoubles Multiply(PlainDoubles a, PlainDoubles b) { return {a.value * b.value}; }
};

}  // namespace

void AddWeightedRowsPlain(const WeightedRows& rows, float* out) { AddWeightedBlocks<PlainDoubles>(rows, out); }

}  // namespace bayespfl
