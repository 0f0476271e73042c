// Looks for infinities and NaNs in raw weights.
#ifndef BAYESPFL_MODEL_PACKAGE_FINITE_H_
#define BAYESPFL_MODEL_PACKAGE_FINITE_H_

#include <cstdint>

#include "absl/types/span.h"
#include "model/package/safetensors.h"

namespace bayespfl {

// Whether every element is finite; integers always are. The bytes need not be aligned. Thread-safe.
bool AllFinite(DType dtype, absl::Span<const uint8_t> bytes);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_PACKAGE_FINITE_H_
