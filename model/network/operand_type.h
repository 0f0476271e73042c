// As what type a precision's numbers are multiplied, or rounded to before floats multiply them.
#ifndef BAYESPFL_MODEL_NETWORK_OPERAND_TYPE_H_
#define BAYESPFL_MODEL_NETWORK_OPERAND_TYPE_H_

#include "model/libtorch.h"
#include "model/package/precision.h"

namespace bayespfl {

// Of linear maps and attention; of int8 that of what does not bear 8 bits.
inline torch::ScalarType OperandType(Precision precision) {
  switch (precision) {
    case Precision::kFp32:
      break;
    case Precision::kBf16:
    case Precision::kInt8:
      return torch::kBFloat16;
    case Precision::kFp16:
      return torch::kFloat16;
  }
  return torch::kFloat32;
}

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_NETWORK_OPERAND_TYPE_H_
