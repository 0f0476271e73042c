// Unit-length normalisation as the reference does it: plain Euclidean norm, no epsilon.
#ifndef BAYESPFL_MODEL_NETWORK_UNIT_LENGTH_H_
#define BAYESPFL_MODEL_NETWORK_UNIT_LENGTH_H_

#include "model/libtorch.h"

namespace bayespfl {

// Divides by the norm over the last axis.
inline torch::Tensor UnitLength(const torch::Tensor& x) { return x / x.norm(2, -1, /*keepdim=*/true); }

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_NETWORK_UNIT_LENGTH_H_
