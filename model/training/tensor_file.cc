#include "model/training/tensor_file.h"

#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/sha256.h"
#include "model/libtorch.h"
#include "model/package/safetensors.h"
#include "model/package/safetensors_writer.h"

namespace bayespfl {

namespace {

std::optional<DType> DTypeOf(torch::ScalarType type) {
  switch (type) {
    case torch::kFloat32:
      return DType::kF32;
    case torch::kFloat16:
      return DType::kF16;
    case torch::kInt64:
      return DType::kI64;
    default:
      return std::nullopt;
  }
}

}  // namespace

absl::StatusOr<std::string> WriteTensors(const std::string& path, const TensorMap& tensors) {
  std::map<std::string, TensorInfo> infos;
  for (const auto& [name, tensor] : tensors) {
    const std::optional<DType> dtype = DTypeOf(tensor.scalar_type());
    if (!dtype.has_value()) {
      return absl::InvalidArgumentError(absl::StrCat("tensor ", name, " is neither fp32 nor fp16 nor int64"));
    }
    infos.emplace(name, TensorInfo{*dtype, tensor.sizes().vec()});
  }
  auto writer = SafetensorsWriter::Create(path, infos);
  if (!writer.ok()) return writer.status();
  for (const std::string& name : (*writer)->order()) {
    const torch::Tensor values = tensors.at(name).detach().to(torch::kCPU).contiguous();
    const auto* const bytes = static_cast<const uint8_t*>(values.const_data_ptr());
    if (absl::Status status = (*writer)->Append({bytes, values.nbytes()}); !status.ok()) return status;
  }
  return (*writer)->Finish();
}

absl::StatusOr<TensorMap> ReadTensors(const std::string& path, const std::string& sha256) {
  const auto file = SafetensorsFile::Open(path);
  if (!file.ok()) return file.status();
  Sha256 digest;
  digest.Add((*file)->bytes().data(), (*file)->bytes().size());
  if (digest.HexDigest() != sha256) {
    return absl::DataLossError(absl::StrCat(path, " is not the file that was written: its SHA-256 is another"));
  }
  TensorMap tensors;
  for (const auto& [name, view] : (*file)->tensors()) {
    if (view.dtype != DType::kF32 && view.dtype != DType::kI64) {
      return absl::DataLossError(absl::StrCat(path, ": tensor ", name, " is neither fp32 nor int64"));
    }
    torch::Tensor tensor = torch::empty(view.shape, view.dtype == DType::kF32 ? torch::kFloat32 : torch::kInt64);
    if (!view.data.empty()) std::memcpy(tensor.mutable_data_ptr(), view.data.data(), view.data.size());
    tensors.emplace(name, std::move(tensor));
  }
  return tensors;
}

}  // namespace bayespfl
