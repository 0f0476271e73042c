// Faster products of matrices for training on a processor.
#ifndef BAYESPFL_MODEL_TOWER_TRAINING_BF16_PRODUCTS_H_
#define BAYESPFL_MODEL_TOWER_TRAINING_BF16_PRODUCTS_H_

#include <memory>

#include "absl/status/statusor.h"
#include "model/libtorch.h"

namespace bayespfl {

// While it lives, products of fp32 matrices on the CPU, forth and back, may take their factors in bf16 (8 bits of
// mantissa) and sum in fp32: PyTorch's matrix precision "medium". Weights, gradients and everything else stay fp32.
// LibTorch hands such products to oneDNN, which takes bf16 where the processor multiplies tiles of it (AMX); where it
// has AVX-512 alone floats are multiplied, and still faster than by MKL on processors that MKL does not know. On others
// nothing changes. A setting of the whole process: one at a time.
class Bf16Products {
 public:
  // InvalidArgument: `device` is not the CPU.
  static absl::StatusOr<std::unique_ptr<const Bf16Products>> Allow(torch::Device device);
  ~Bf16Products();
  Bf16Products(const Bf16Products&) = delete;
  Bf16Products& operator=(const Bf16Products&) = delete;

 private:
  Bf16Products();

  const at::Float32Precision before_;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TOWER_TRAINING_BF16_PRODUCTS_H_
