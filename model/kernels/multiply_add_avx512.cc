#include "model/kernels/multiply_add_chains.h"
#include "model/kernels/multiply_add_forms.h"

namespace bayespfl {
namespace {

struct Avx512Registers {
  static constexpr int kLanes = 16;
  using Vector [[gnu::vector_size(64)]] = float;
};

}  // namespace

float MultiplyAddsAvx512(int64_t rounds, float factor, float addend) {
  return RunMultiplyAddChains<Avx512Registers>(rounds, factor, addend);
}

}  // namespace bayespfl
