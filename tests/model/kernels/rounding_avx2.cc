#include "model/kernels/avx2_floats.h"
#include "tests/model/kernels/rounding.h"

namespace bayespfl::testing {

void RoundAvx2(const float* from, Bf16* to) {
  for (int64_t i = 0; i < 16; i += Avx2Floats::kLanes) Avx2Floats::StoreBf16(to + i, Avx2Floats::Load(from + i));
}

}  // namespace bayespfl::testing
