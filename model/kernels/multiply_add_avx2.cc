#include "model/kernels/multiply_add_chains.h"
#include "model/kernels/multiply_add_forms.h"

namespace bayespfl {
namespace {

struct Avx2Registers {
  static constexpr int kLanes = 8;
  using Vector [[gnu::vector_size(32)]] = float;
};

}  // namespace

float MultiplyAddsAvx2(int64_t rounds, float factor, float addend) {
  return RunMultiplyAddChains<Avx2Registers>(rounds, factor, addend);
}

}  // namespace bayespfl
