// Which device LibTorch runs on.
#ifndef BAYESPFL_MODEL_DETECTION_DEVICE_H_
#define BAYESPFL_MODEL_DETECTION_DEVICE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "torch/torch.h"

namespace bayespfl {

// "cpu"; "cuda:N" or "cuda" (= "cuda:0"); "auto": the first GPU when GpuUsable(), else the CPU. The CUDA backend is
// opened at run time, so that one binary serves both.
// InvalidArgument: another word. FailedPrecondition: a GPU was asked for by name and cannot be used; the message says
// why.
absl::StatusOr<torch::Device> ResolveDevice(absl::string_view name);

// Opens the CUDA backend (once: later calls find it loaded) and counts the GPUs: at least one. FailedPrecondition:
// there is none that can be used; the message says why.
absl::StatusOr<int> CountGpus();

// What computes on the device, so far as it decides bits: the library's version, the instructions that it chose for
// this processor, and the threads that a call may use; on a GPU the processor's name. "libtorch 2.11.0 AVX512
// threads=2".
std::string ComputeKernels(const torch::Device& device, absl::string_view forms = {});

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_DETECTION_DEVICE_H_
