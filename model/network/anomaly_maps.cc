#include "model/network/anomaly_maps.h"

#include <algorithm>
#include <vector>

#include "model/kernels/map_fusion.h"
#include "model/network/parallel_tasks.h"

namespace bayespfl {
namespace {

// Sample by sample into one sum: the full-size maps of all samples at once would take R times the memory. The deviation
// by Welford's update, which takes no difference of large sums.
AnomalyMaps FuseWithTorch(const torch::Tensor& logits, const AnomalyMapOptions& options) {
  const int64_t samples = logits.size(-4);
  torch::Tensor sum;
  torch::Tensor running_mean;
  torch::Tensor squares;
  for (int64_t r = 0; r < samples; ++r) {
    const torch::Tensor map = UpsampleLogits(logits.select(-4, r), options.side).sigmoid_().mean(-3);
    sum = r == 0 ? map.clone() : sum.add_(map);
    if (!options.want_deviation) continue;
    if (r == 0) {
      running_mean = map;
      squares = torch::zeros_like(map);
      continue;
    }
    const torch::Tensor difference = map - running_mean;
    running_mean.add_(difference, 1.0 / static_cast<double>(r + 1));
    squares.addcmul_(difference, map - running_mean);
  }
  AnomalyMaps maps;
  maps.mean = sum.div_(samples);
  if (options.want_deviation) maps.deviation = squares.div_(samples).sqrt_();
  return maps;
}

bool CanFuse(const torch::Tensor& logits, const AnomalyMapOptions& options) {
  return options.kernel.has_value() && logits.is_cpu() && logits.scalar_type() == torch::kFloat32 && logits.dim() == 4;
}

// Every call finds out anew where the map's pixels lie on the grid.
constexpr int64_t kRowsOfATask = 32;

AnomalyMaps FuseOwn(const torch::Tensor& given, const AnomalyMapOptions& options) {
  const torch::Tensor logits = given.contiguous();
  const MapFusionShape shape = {
      .samples = logits.size(0), .maps = logits.size(1), .grid = logits.size(2), .side = options.side};
  AnomalyMaps maps;
  maps.mean = torch::empty({options.side, options.side}, logits.options());
  if (options.want_deviation) maps.deviation = torch::empty_like(maps.mean);
  const float* const from = logits.const_data_ptr<float>();
  const FusedMaps to = {.mean = maps.mean.mutable_data_ptr<float>(),
                        .deviation = options.want_deviation ? maps.deviation.mutable_data_ptr<float>() : nullptr};
  RunRows(options.side, kRowsOfATask,
          [&](int64_t begin, int64_t end) { FuseMaps(*options.kernel, shape, from, to, begin, end); });
  return maps;
}

std::vector<int64_t> FullSize(const torch::Tensor& logits, int64_t side) {
  std::vector<int64_t> shape = logits.sizes().vec();
  std::fill(shape.end() - 2, shape.end(), side);
  return shape;
}

}  // namespace

torch::Tensor UpsampleLogits(const torch::Tensor& logits, int64_t side) {
  const torch::Tensor pictures = logits.dim() == 3 ? logits.unsqueeze(0) : logits;
  return at::upsample_bilinear2d(pictures, {side, side}, /*align_corners=*/true).view(FullSize(logits, side));
}

AnomalyMaps FuseAnomalyMaps(const torch::Tensor& logits, const AnomalyMapOptions& options) {
  return CanFuse(logits, options) ? FuseOwn(logits, options) : FuseWithTorch(logits, options);
}

}  // namespace bayespfl
