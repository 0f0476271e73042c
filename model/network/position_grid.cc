#include "model/network/position_grid.h"

namespace bayespfl {

torch::Tensor ResizePositions(const torch::Tensor& positions, int64_t from, int64_t to) {
  if (from == to) return positions;
  const int64_t width = positions.size(1);
  const torch::Tensor grid = positions.slice(0, 1).view({1, from, from, width}).permute({0, 3, 1, 2}).contiguous();
  const torch::Tensor resized = at::_upsample_bicubic2d_aa(grid, {to, to}, /*align_corners=*/false);
  return torch::cat({positions.slice(0, 0, 1), resized.permute({0, 2, 3, 1}).reshape({to * to, width})});
}

}  // namespace bayespfl
