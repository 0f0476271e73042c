#include "model/tower_training/bf16_products.h"

#include "absl/strings/str_cat.h"

namespace bayespfl {
namespace {

constexpr at::Float32Backend kBackend = at::Float32Backend::MKLDNN;
constexpr at::Float32Op kProducts = at::Float32Op::MATMUL;

}  // namespace

absl::StatusOr<std::unique_ptr<const Bf16Products>> Bf16Products::Allow(torch::Device device) {
  if (!device.is_cpu()) {
    return absl::InvalidArgumentError(absl::StrCat("precision bf16 is for training on the CPU, not on ", device.str()));
  }
  return std::unique_ptr<const Bf16Products>(new Bf16Products());
}

Bf16Products::Bf16Products() : before_(at::globalContext().float32Precision(kBackend, kProducts)) {
  at::globalContext().setFloat32Precision(kBackend, kProducts, at::Float32Precision::BF16);
}

Bf16Products::~Bf16Products() { at::globalContext().setFloat32Precision(kBackend, kProducts, before_); }

}  // namespace bayespfl
