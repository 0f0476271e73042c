#include "model/kernels/map_fusion.h"

#include <algorithm>
#include <vector>

#include "model/kernels/map_fusion_forms.h"
#include "model/kernels/map_fusion_task.h"

namespace bayespfl {
namespace {

// In floats, as LibTorch has them. Here and not in the forms, where instructions would round them differently.
std::vector<GridPosition> PositionsOf(const MapFusionShape& shape) {
  const int64_t last = shape.grid - 1;
  const float scale = shape.side > 1 ? static_cast<float>(last) / static_cast<float>(shape.side - 1) : 0.0F;
  std::vector<GridPosition> positions;
  for (int64_t o = 0; o < shape.side; ++o) {
    const float source = scale * static_cast<float>(o);
    const int64_t low = std::min(static_cast<int64_t>(source), last);
    positions.push_back({.low = low,
                         .high = std::min(low + 1, last),
                         .weight = std::clamp(source - static_cast<float>(low), 0.0F, 1.0F)});
  }
  return positions;
}

}  // namespace

void FuseMaps(InstructionSet instructions, const MapFusionShape& shape, const float* logits, const FusedMaps& out,
              int64_t begin, int64_t end) {
  const std::vector<GridPosition> positions = PositionsOf(shape);
  const MapFusionTask task = {
      .shape = shape, .positions = positions.data(), .logits = logits, .out = out, .begin = begin, .end = end};
  switch (instructions) {
    case InstructionSet::kPlain:
      return FuseMapsPlain(task);
#ifdef __x86_64__
    case InstructionSet::kAvx2:
      return FuseMapsAvx2(task);
    case InstructionSet::kAvx512:
    case InstructionSet::kAvx512Bf16:
      return FuseMapsAvx512(task);
#else
    default:
      return FuseMapsPlain(task);
#endif
  }
}

}  // namespace bayespfl
