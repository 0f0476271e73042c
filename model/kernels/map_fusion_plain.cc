// As the formula reads, a pixel at a time.
#include <cmath>
#include <cstddef>
#include <vector>

#include "model/kernels/map_fusion_forms.h"
#include "model/kernels/map_fusion_task.h"

namespace bayespfl {
namespace {

float Between(float low, float high, float weight) { return low + weight * (high - low); }

float LogitAt(const float* map, int64_t grid, const GridPosition& row, const GridPosition& column) {
  const float* const upper = map + row.low * grid;
  const float* const lower = map + row.high * grid;
  return Between(Between(upper[column.low], upper[column.high], column.weight),
                 Between(lower[column.low], lower[column.high], column.weight), row.weight);
}

float ProbabilityOf(float logit) { return 1 / (1 + std::exp(-logit)); }

// Means over a sample's maps, for every sample.
void FuseSamples(const MapFusionTask& task, const GridPosition& row, const GridPosition& column,
                 std::vector<float>& means) {
  const int64_t grid = task.shape.grid;
  const float* map = task.logits;
  for (float& mean : means) {
    float sum = 0;
    for (int64_t i = 0; i < task.shape.maps; ++i, map += grid * grid) {
      sum += ProbabilityOf(LogitAt(map, grid, row, column));
    }
    mean = sum / static_cast<float>(task.shape.maps);
  }
}

float MeanOf(const std::vector<float>& values) {
  float sum = 0;
  for (const float value : values) sum += value;
  return sum / static_cast<float>(values.size());
}

float DeviationOf(const std::vector<float>& values, float mean) {
  float squares = 0;
  for (const float value : values) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / static_cast<float>(values.size()));
}

}  // namespace

void FuseMapsPlain(const MapFusionTask& task) {
  std::vector<float> means(static_cast<size_t>(task.shape.samples));
  for (int64_t y = task.begin; y < task.end; ++y) {
    for (int64_t x = 0; x < task.shape.side; ++x) {
      const int64_t pixel = y * task.shape.side + x;
      FuseSamples(task, task.positions[y], task.positions[x], means);
      task.out.mean[pixel] = MeanOf(means);
      if (task.out.deviation != nullptr) task.out.deviation[pixel] = DeviationOf(means, task.out.mean[pixel]);
    }
  }
}

}  // namespace bayespfl
