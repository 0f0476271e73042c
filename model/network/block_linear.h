// The linear maps of the towers' blocks, in one of the forms of network_kernels.h.
#ifndef BAYESPFL_MODEL_NETWORK_BLOCK_LINEAR_H_
#define BAYESPFL_MODEL_NETWORK_BLOCK_LINEAR_H_

#include "model/network/network_kernels.h"
#include "model/network/weights.h"
#include "torch/torch.h"

namespace bayespfl {

// Immutable; safe from many threads.
class BlockLinear {
 public:
  BlockLinear() = default;
  // Takes a weight [out, in] and a bias [out]. With LinearForm::kOneDnn the weight is copied into oneDNN's own order:
  // requires fp32 on the CPU.
  BlockLinear(Linear linear, LinearForm form);

  // x [..., in] -> [..., out]
  torch::Tensor operator()(const torch::Tensor& x) const;
  // gelu(operator()(x)), the exact erf form.
  torch::Tensor Gelu(const torch::Tensor& x) const;

 private:
  LinearForm form_ = LinearForm::kTorch;
  Linear linear_;  // kOneDnn: the weight is packed, and of no use for anything else
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_NETWORK_BLOCK_LINEAR_H_
