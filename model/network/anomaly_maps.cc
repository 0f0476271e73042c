#include "model/network/anomaly_maps.h"

#include "model/kernels/map_fusion.h"
#include "model/network/parallel_tasks.h"

namespace bayespfl {
namespace {

// Sample by sample into one sum: the full-size maps of all samples at once would take R times the memory. The deviation
// by Welford's update, which takes no difference of large sums.
AnomalyMaps FuseWithTorch(const torch::Tensor& logits, const AnomalyMapOptions& options) {
  const torch::Tensor sum = torch::zeros({options.side, options.side}, logits.options());
  torch::Tensor running_mean;
  torch::Tensor squares;
  for (int64_t r = 0; r < logits.size(0); ++r) {
    const torch::Tensor map = UpsampleLogits(logits[r], options.side).sigmoid_().mean(0);
    sum.add_(map);
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
  maps.mean = sum.div_(logits.size(0));
  if (options.want_deviation) maps.deviation = squares.div_(logits.size(0)).sqrt_();
  return maps;
}

bool CanFuse(const torch::Tensor& logits, const AnomalyMapOptions& options) {
  return options.kernel.has_value() && logits.is_cpu() && logits.scalar_type() == torch::kFloat32;
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

}  // namespace

torch::Tensor UpsampleLogits(const torch::Tensor& logits, int64_t side) {
  return at::upsample_bilinear2d(logits.unsqueeze(0), {side, side}, /*align_corners=*/true).squeeze(0);
}

AnomalyMaps FuseAnomalyMaps(const torch::Tensor& logits, const AnomalyMapOptions& options) {
  return CanFuse(logits, options) ? FuseOwn(logits, options) : FuseWithTorch(logits, options);
}

}  // namespace bayespfl
