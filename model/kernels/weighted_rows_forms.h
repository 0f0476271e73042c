// The forms of AddWeightedRows(), each compiled for its instructions: nothing else may be compiled in their files.
#ifndef BAYESPFL_MODEL_KERNELS_WEIGHTED_ROWS_FORMS_H_
#define BAYESPFL_MODEL_KERNELS_WEIGHTED_ROWS_FORMS_H_

#include "model/kernels/weighted_rows.h"

namespace bayespfl {

void AddWeightedRowsPlain(const WeightedRows& rows, float* out);
void AddWeightedRowsAvx2(const WeightedRows& rows, float* out);
void AddWeightedRowsAvx512(const WeightedRows& rows, float* out);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_KERNELS_WEIGHTED_ROWS_FORMS_H_
