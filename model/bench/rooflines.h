// What the machine could do at most, measured in the same run as what it does.
#ifndef BAYESPFL_MODEL_BENCH_ROOFLINES_H_
#define BAYESPFL_MODEL_BENCH_ROOFLINES_H_

#include <cstdint>

#include "model/libtorch.h"
#include "model/network/block_linear.h"
#include "model/network/network_kernels.h"
#include "model/package/model_config.h"
#include "model/package/precision.h"

namespace bayespfl {

// A matrix product [rows, in] times [in, out].
struct GemmShape {
  int64_t rows = 0;
  int64_t in = 0;
  int64_t out = 0;

  double flop() const { return 2.0 * static_cast<double>(rows) * static_cast<double>(in) * static_cast<double>(out); }
};

// The largest product of the vision tower's blocks for one frame: tokens times the MLP's first map. 1370 x 1024 x 4096
// at the published size.
GemmShape LargestGemm(const ModelConfig& config);

// Floating-point operations a second of all of LibTorch's threads together, in registers alone (MultiplyAdds), with the
// best instructions of the processor. Takes about 50 ms.
double MeasurePeakRate();

// A linear map of random weights in one of the network's forms and precisions.
class Gemm {
 public:
  Gemm(const GemmShape& shape, LinearForm form, Precision precision);

  // Operations a second of the map alone, with all of LibTorch's threads. Takes about 50 ms, or one call if that takes
  // longer.
  double MeasureRate() const;

 private:
  GemmShape shape_;
  torch::Tensor input_;  // [rows, in], fp32: rounding it is part of the map, as it is in the network
  BlockLinear linear_;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_BENCH_ROOFLINES_H_
