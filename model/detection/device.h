// Which device LibTorch runs on.
#ifndef BAYESPFL_MODEL_DETECTION_DEVICE_H_
#define BAYESPFL_MODEL_DETECTION_DEVICE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/libtorch.h"

namespace bayespfl {

// "cpu"; "cuda:N" or "cuda" (= "cuda:0"); "auto": the first GPU when GpuUsable(), else the CPU. The CUDA backend is
// opened at run time, so that one binary serves both.
// InvalidArgument: another word. FailedPrecondition: a GPU was asked for by name and cannot be used; the message says
// why.
absl::StatusOr<torch::Device> ResolveDevice(absl::string_view name);

// Opens LibTorch's CUDA backend at the first call; later ones say how that went. LibTorch finds out once for the whole
// process whether it has that backend: nothing may have made it look before. FailedPrecondition: it cannot be opened;
// the message says why. Thread-safe.
absl::Status OpenCudaBackend();

// Opens the CUDA backend, counts the GPUs, at least one, and sets how this process computes on them; at the first call,
// too. FailedPrecondition: there is none that can be used; the message says why. Thread-safe.
absl::StatusOr<int> CountGpus();

// In which order LibTorch tries its kernels for attention (at::SDPBackend) on GPUs whose compute capability begins with
// this number: it takes the first that can do what is asked. cuDNN's is the fastest from Hopper on (9), flash attention
// before; neither takes floats, which are left to the third.
std::vector<int64_t> AttentionOrder(int capability);

// Has LibTorch keep the sums of an accelerator's products in fp32, whatever their operands are. Its defaults may add up
// parts of a sum in the operands' 16 bits. Of the whole process.
void KeepSumsInFp32();

// What computes on the device, so far as it decides bits: the library's version, the instructions that it chose for
// this processor, and the threads that a call may use; on a GPU the processor's name. "libtorch 2.11.0 AVX512
// threads=2".
std::string ComputeKernels(const torch::Device& device, absl::string_view forms = {});

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_DETECTION_DEVICE_H_
