#include "model/training/tensor_file.h"

#include <cstring>
#include <map>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/sha256.h"
#include "model/package/safetensors.h"
#include "model/package/safetensors_writer.h"
#include "torch/torch.h"

namespace bayespfl {

absl::StatusOr<std::string> WriteTensors(const std::string& path, const TensorMap& tensors) {
  std::map<std::string, TensorInfo> infos;
  for (const auto& [name, tensor] : tensors) {
    if (tensor.scalar_type() != torch::kFloat32 && tensor.scalar_type() != torch::kInt64) {
      return absl::InvalidArgumentError(absl::StrCat("tensor ", name, " is neither fp32 nor int64"));
    }
    const DType dtype = tensor.scalar_type() == torch::kFloat32 ? DType::kF32 : DType::kI64;
    infos.emplace(name, TensorInfo{dtype, tensor.sizes().vec()});
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
