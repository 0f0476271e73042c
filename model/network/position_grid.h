// CLIP's positional embedding for pictures of another size than it was trained with.
#ifndef BAYESPFL_MODEL_NETWORK_POSITION_GRID_H_
#define BAYESPFL_MODEL_NETWORK_POSITION_GRID_H_

#include <cstdint>

#include "model/libtorch.h"

namespace bayespfl {

// [1 + from*from, D] -> [1 + to*to, D]: the class row as stored, the grid of patches (row-major) resized by antialiased
// bicubic, whose kernel has a = -0.5 also when it enlarges (without antialias PyTorch's has -0.75). The reference does
// the same to run a tower of 336 px (24 patches a side) at 518 px (37).
torch::Tensor ResizePositions(const torch::Tensor& positions, int64_t from, int64_t to);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_NETWORK_POSITION_GRID_H_
