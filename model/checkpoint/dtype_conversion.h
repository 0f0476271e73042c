// Converts weights between floating-point types.
#ifndef BAYESPFL_MODEL_CHECKPOINT_DTYPE_CONVERSION_H_
#define BAYESPFL_MODEL_CHECKPOINT_DTYPE_CONVERSION_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "model/package/safetensors.h"

namespace bayespfl {

// Converts row-major elements in place, rounding to nearest, ties to even. Requires floating-point types and whole
// elements. OutOfRange: a finite element would become infinite (fp16 ends at 65504). Thread-safe.
absl::Status ConvertDType(DType from, DType to, std::vector<uint8_t>& bytes);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_CHECKPOINT_DTYPE_CONVERSION_H_
