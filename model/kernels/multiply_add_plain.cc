#include "model/kernels/multiply_add_chains.h"
#include "model/kernels/multiply_add_forms.h"

namespace bayespfl {
namespace {

struct PlainRegisters {
  static constexpr int kLanes = 4;
  using Vector [[gnu::vector_size(16)]] = float;
};

}  // namespace

float MultiplyAddsPlain(int64_t rounds, float factor, float addend) {
  return RunMultiplyAddChains<PlainRegisters>(rounds, factor, addend);
}

}  // namespace bayespfl
