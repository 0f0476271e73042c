// What moves between host and device for a batch: one copy there, one copy back.
#ifndef BAYESPFL_MODEL_DETECTION_HOST_STAGE_H_
#define BAYESPFL_MODEL_DETECTION_HOST_STAGE_H_

#include <cstdint>
#include <vector>

#include "torch/torch.h"

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

  // The same on the device, when they are filled; on the CPU host() itself. The copy is work of the current stream, and
  // the stage may go before it is done. Throws c10::Error when the device fails.
  std::vector<torch::Tensor> Send() const;

 private:
  torch::Tensor buffer_;  // bytes
  std::vector<int64_t> places_;
  std::vector<torch::Tensor> host_;
  torch::Device device_;
};

// Tensors of one type, all on one device, in host memory: on the CPU as they are, contiguous. From an accelerator in
// pinned memory, by one copy that its current stream does in its turn: nothing may be read before that is done.
// Undefined tensors are undefined there. Throws c10::Error when the device fails.
std::vector<torch::Tensor> StartDownload(const std::vector<torch::Tensor>& tensors);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_DETECTION_HOST_STAGE_H_
