// What moves between host and device for a batch: one copy there, one copy back.
#ifndef BAYESPFL_MODEL_DETECTION_HOST_STAGE_H_
#define BAYESPFL_MODEL_DETECTION_HOST_STAGE_H_

#include <cstdint>
#include <vector>

#include "model/libtorch.h"

namespace bayespfl {

struct TensorSpec {
  std::vector<int64_t> shape;
  torch::ScalarType type = torch::kFloat32;
};

// Tensors that the host fills and the device computes with. They lie in one piece of host memory, pinned where the
// device is an accelerator (a GPU), so that one copy brings all of them there and the host does not wait for it.
class HostStage {
 public:
  // Throws c10::Error when there is no memory.
  HostStage(const std::vector<TensorSpec>& specs, torch::Device device);

  // One for each of `specs`, contiguous, of no content yet.
  const std::vector<torch::Tensor>& host() const { return host_; }

  // All of them on the device, when they are filled, in one piece: bytes. On the CPU they are where they were. The copy
  // is work of the current stream, and the stage may go before it is done. Throws c10::Error when the device fails.
  torch::Tensor SendBytes() const;
  // The same into what SendBytes() of another stage for the same specs and device has given.
  void SendTo(const torch::Tensor& bytes) const;
  // The tensors in that piece; on the CPU host() itself.
  std::vector<torch::Tensor> PartsOf(const torch::Tensor& bytes) const;
  // Both: the tensors on the device.
  std::vector<torch::Tensor> Send() const { return PartsOf(SendBytes()); }

 private:
  torch::Tensor buffer_;  // bytes
  std::vector<int64_t> places_;
  std::vector<torch::Tensor> host_;
  torch::Device device_;
};

// Tensors of one type, all on one device, one behind the other in one tensor: what StartDownload() copies. Undefined on
// the CPU, and where all of them are. Throws c10::Error when the device fails.
torch::Tensor Gathered(const std::vector<torch::Tensor>& tensors);

// Tensors of one type, all on one device, in host memory: on the CPU as they are, contiguous. From an accelerator in
// pinned memory, by one copy that its current stream does in its turn: nothing may be read before that is done.
// Undefined tensors are undefined there. Throws c10::Error when the device fails.
// `gathered`: what Gathered() made of them.
std::vector<torch::Tensor> StartDownload(const std::vector<torch::Tensor>& tensors, const torch::Tensor& gathered);
inline std::vector<torch::Tensor> StartDownload(const std::vector<torch::Tensor>& tensors) {
  return StartDownload(tensors, Gathered(tensors));
}

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_DETECTION_HOST_STAGE_H_
