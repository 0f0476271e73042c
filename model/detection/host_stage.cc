#include "model/detection/host_stage.h"

#include <ATen/DeviceAccelerator.h>

#include <cstddef>

namespace bayespfl {
namespace {

// What the kernels of any device like their operands to be aligned to, in bytes.
constexpr int64_t kAlignment = 256;

torch::Tensor HostMemory(int64_t count, torch::ScalarType type, const torch::Device& device) {
  const bool pinned = at::accelerator::isAccelerator(device.type());
  return torch::empty({count}, torch::TensorOptions(type).pinned_memory(pinned));
}

int64_t BytesOf(const TensorSpec& spec) {
  return c10::multiply_integers(spec.shape) * static_cast<int64_t>(c10::elementSize(spec.type));
}

torch::Tensor Part(const torch::Tensor& buffer, int64_t place, const TensorSpec& spec) {
  return buffer.slice(0, place, place + BytesOf(spec)).view(spec.type).view(spec.shape);
}

}  // namespace

HostStage::HostStage(const std::vector<TensorSpec>& specs, torch::Device device) : device_(device) {
  int64_t bytes = 0;
  for (const TensorSpec& spec : specs) {
    places_.push_back(bytes);
    bytes += (BytesOf(spec) + kAlignment - 1) / kAlignment * kAlignment;
  }
  buffer_ = HostMemory(bytes, torch::kUInt8, device);
  for (size_t i = 0; i < specs.size(); ++i) host_.push_back(Part(buffer_, places_[i], specs[i]));
}

torch::Tensor HostStage::SendBytes() const { return buffer_.to(device_, /*non_blocking=*/true); }

void HostStage::SendTo(const torch::Tensor& bytes) const { bytes.copy_(buffer_, /*non_blocking=*/true); }

std::vector<torch::Tensor> HostStage::PartsOf(const torch::Tensor& bytes) const {
  if (device_.is_cpu()) return host_;
  std::vector<torch::Tensor> parts;
  for (size_t i = 0; i < host_.size(); ++i) {
    parts.push_back(Part(bytes, places_[i], {host_[i].sizes().vec(), host_[i].scalar_type()}));
  }
  return parts;
}

torch::Tensor Gathered(const std::vector<torch::Tensor>& tensors) {
  std::vector<torch::Tensor> flat;
  for (const torch::Tensor& tensor : tensors) {
    if (tensor.defined() && !tensor.is_cpu()) flat.push_back(tensor.flatten());
  }
  return flat.empty() ? torch::Tensor() : torch::cat(flat);
}

std::vector<torch::Tensor> StartDownload(const std::vector<torch::Tensor>& tensors, const torch::Tensor& gathered) {
  std::vector<torch::Tensor> host(tensors.size());
  if (!gathered.defined()) {
    for (size_t i = 0; i < tensors.size(); ++i) {
      if (tensors[i].defined()) host[i] = tensors[i].contiguous();
    }
    return host;
  }
  torch::Tensor buffer = HostMemory(gathered.numel(), gathered.scalar_type(), gathered.device());
  buffer.copy_(gathered, /*non_blocking=*/true);
  int64_t place = 0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (!tensors[i].defined()) continue;
    host[i] = buffer.slice(0, place, place + tensors[i].numel()).view(tensors[i].sizes());
    place += tensors[i].numel();
  }
  return host;
}

}  // namespace bayespfl
