#include "model/kernels/avx512_floats.h"
#include "tests/model/kernels/rounding.h"

namespace bayespfl::testing {

void RoundAvx512(const float* from, Bf16* to) { Avx512Floats::StoreBf16(to, Avx512Floats::Load(from)); }

}  // namespace bayespfl::testing
