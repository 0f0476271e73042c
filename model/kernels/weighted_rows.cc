#include "model/kernels/weighted_rows.h"

#include "model/kernels/weighted_rows_forms.h"

namespace bayespfl {

void AddWeightedRows(InstructionSet instructions, const WeightedRows& rows, float* out) {
  switch (instructions) {
    case InstructionSet::kPlain:
      return AddWeightedRowsPlain(rows, out);
#ifdef __x86_64__
    case InstructionSet::kAvx2:
      return AddWeightedRowsAvx2(rows, out);
    case InstructionSet::kAvx512:
    case InstructionSet::kAvx512Bf16:
      return AddWeightedRowsAvx512(rows, out);
#else
    default:
      return AddWeightedRowsPlain(rows, out);
#endif
  }
}

}  // namespace bayespfl
