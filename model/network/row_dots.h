// Rows times one vector, for one picture or for several.
#ifndef BAYESPFL_MODEL_NETWORK_ROW_DOTS_H_
#define BAYESPFL_MODEL_NETWORK_ROW_DOTS_H_

#include "model/libtorch.h"

namespace bayespfl {

// rows [.., n, E], a vector [E] for all of them or one for each picture [.., E] -> [.., n].
inline torch::Tensor RowDots(const torch::Tensor& rows, const torch::Tensor& vectors) {
  if (vectors.dim() == 1) return torch::matmul(rows, vectors);
  return torch::matmul(rows, vectors.unsqueeze(-1)).squeeze(-1);
}

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_NETWORK_ROW_DOTS_H_
