// Muon (Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks"): a matrix moves by its momentum
// with all singular values made about equal, so that directions that few pictures ask for are learned as fast as common
// ones.
#ifndef BAYESPFL_MODEL_TRAINING_MUON_H_
#define BAYESPFL_MODEL_TRAINING_MUON_H_

#include "model/libtorch.h"

namespace bayespfl {

inline constexpr double kMuonMomentum = 0.95;

// U V^T for about the singular value decomposition U S V^T: five steps of Newton and Schulz with the published
// coefficients, which bring every singular value that is not tiny to between 0.7 and 1.2. [rows, columns], not 0
// everywhere -> likewise. A matrix of zeros stays one.
torch::Tensor Orthogonalised(const torch::Tensor& matrix);

// momentum <- 0.95 momentum + 0.05 gradient;
// parameter <- parameter - rate 0.2 sqrt(max(rows, columns)) Orthogonalised(0.05 gradient + 0.95 momentum)
// The factor gives the change Adam's usual size, so that both may share a learning rate (Liu et al. 2025,
// arXiv:2502.16982, section 2.2). A matrix of more than one product, as CLIP's queries, keys and values [3 D, D], is
// orthogonalised in `blocks` equal parts of its rows.
void MuonStep(const torch::Tensor& parameter, const torch::Tensor& gradient, const torch::Tensor& momentum, double rate,
              int64_t blocks);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_MUON_H_
