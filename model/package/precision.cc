#include "model/package/precision.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace bayespfl {

absl::string_view PrecisionName(Precision precision) {
  switch (precision) {
    case Precision::kFp32:
      break;
    case Precision::kBf16:
      return "bf16";
    case Precision::kInt8:
      return "int8";
  }
  return "fp32";
}

absl::StatusOr<Precision> ParsePrecision(absl::string_view name) {
  for (const Precision precision : {Precision::kFp32, Precision::kBf16, Precision::kInt8}) {
    if (name == PrecisionName(precision)) return precision;
  }
  return absl::InvalidArgumentError(absl::StrCat("precision is \"", name, "\"; expected fp32, bf16 or int8"));
}

}  // namespace bayespfl
