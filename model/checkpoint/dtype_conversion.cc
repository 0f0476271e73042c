#include "model/checkpoint/dtype_conversion.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "model/libtorch.h"
#include "model/package/finite.h"

namespace bayespfl {
namespace {

torch::ScalarType ScalarType(DType dtype) {
  switch (dtype) {
    case DType::kF64:
      return torch::kFloat64;
    case DType::kF16:
      return torch::kFloat16;
    case DType::kBF16:
      return torch::kBFloat16;
    default:
      return torch::kFloat32;
  }
}

}  // namespace

absl::Status ConvertDType(DType from, DType to, std::vector<uint8_t>& bytes) {
  if (from == to || bytes.empty()) return absl::OkStatus();
  const bool was_finite = AllFinite(from, bytes);
  const auto count = static_cast<int64_t>(bytes.size() / DTypeSize(from));
  const torch::Tensor converted = torch::from_blob(bytes.data(), {count}, ScalarType(from)).to(ScalarType(to));
  bytes.resize(static_cast<size_t>(count) * DTypeSize(to));
  std::memcpy(bytes.data(), converted.data_ptr(), bytes.size());
  if (was_finite && !AllFinite(to, bytes)) {
    return absl::OutOfRangeError(absl::StrCat("has values beyond the range of ", DTypeName(to)));
  }
  return absl::OkStatus();
}

}  // namespace bayespfl
