// Bilinear up-sampling as two matrix products, whose gradient is the same bits each time on a GPU too.
#ifndef BAYESPFL_MODEL_TRAINING_INTERPOLATION_MATRIX_H_
#define BAYESPFL_MODEL_TRAINING_INTERPOLATION_MATRIX_H_

#include <cstdint>

#include "model/libtorch.h"

namespace bayespfl {

// W [side, grid], fp32: W x interpolates the columns of x [grid, ..] linearly with align_corners (source coordinate
// o (grid - 1) / (side - 1)), so that W x W^T is UpsampleLogits() of model/network/anomaly_maps.h.
torch::Tensor InterpolationMatrix(int64_t side, int64_t grid, torch::Device device);

// maps [.., G, G] -> [.., S, S] with `matrix` [S, G].
torch::Tensor Upsample(const torch::Tensor& matrix, const torch::Tensor& maps);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_INTERPOLATION_MATRIX_H_
