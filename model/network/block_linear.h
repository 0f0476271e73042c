// The linear maps of the towers' blocks, in one of the forms of network_kernels.h and in one of the precisions.
#ifndef BAYESPFL_MODEL_NETWORK_BLOCK_LINEAR_H_
#define BAYESPFL_MODEL_NETWORK_BLOCK_LINEAR_H_

#include "model/libtorch.h"
#include "model/network/network_kernels.h"
#include "model/network/weights.h"
#include "model/package/precision.h"

namespace bayespfl {

// x [..., in], fp32 or as another map or attention gives it -> [..., out]. Other precisions than fp32 round x and the
// weight and nothing else, but that results for which nothing else is said may come in 16 bits, as what reads them
// wants them; LinearForm::kNarrow rounds the bias too, and a result before its GELU or its addend, since LibTorch's
// products of 16 bits take and give nothing else. In 8 bits an output's weights have a scale of their own, and so have
// a row's numbers. Immutable; safe from many threads.
class BlockLinear {
 public:
  BlockLinear() = default;
  // Takes a weight [out, in] and a bias [out], both fp32, and keeps the weight rounded. Requires CheckPrecision() of
  // network_kernels.h, and the CPU for the forms kOneDnn and kOwn, which copy it into an order of their own.
  BlockLinear(Linear linear, LinearForm form, Precision precision = Precision::kFp32);

  torch::Tensor operator()(const torch::Tensor& x) const;
  // gelu(operator()(x)), the exact erf form.
  torch::Tensor Gelu(const torch::Tensor& x) const;
  // addend + operator()(x), fp32 as the addend.
  torch::Tensor AddedTo(const torch::Tensor& addend, const torch::Tensor& x) const;

 private:
  // What LibTorch's product and oneDNN's get of x.
  torch::Tensor Operand(const torch::Tensor& x) const;
  void Pack();
  // With model/kernels/linear.h; the addend may be undefined.
  torch::Tensor Own(const torch::Tensor& x, bool gelu, const torch::Tensor& addend) const;

  LinearForm form_ = LinearForm::kTorch;
  Precision precision_ = Precision::kFp32;
  int64_t in_ = 0;
  int64_t out_ = 0;
  Linear linear_;  // where it is packed the weight is of no use for anything else
  // Of model/kernels/linear.h, in 8 bits.
  torch::Tensor scales_;
  torch::Tensor sums_;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_NETWORK_BLOCK_LINEAR_H_
