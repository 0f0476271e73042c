// What every form of FuseMaps() is given.
#ifndef BAYESPFL_MODEL_KERNELS_MAP_FUSION_TASK_H_
#define BAYESPFL_MODEL_KERNELS_MAP_FUSION_TASK_H_

#include <cstdint>

#include "model/kernels/map_fusion.h"

namespace bayespfl {

// Where a row or a column of the result lies in the grid: between `low` and `high`, `weight` of the way.
struct GridPosition {
  int64_t low;
  int64_t high;
  float weight;
};

struct MapFusionTask {
  MapFusionShape shape;
  const GridPosition* positions;  // [S]
  const float* logits;
  FusedMaps out;
  int64_t begin;  // rows begin up to, not including, end
  int64_t end;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_KERNELS_MAP_FUSION_TASK_H_
