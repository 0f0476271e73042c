#include "model/detection/device.h"

#include <ATen/Context.h>
#include <ATen/Version.h>
#include <dlfcn.h>

#include <algorithm>
#include <cstdint>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "model/detection/device_errors.h"
#include "model/detection/device_survey.h"
#include "torch/cuda.h"
#include "torch/version.h"

namespace bayespfl {
namespace {

absl::Status DlopenBackend() {
  if (dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) != nullptr) return absl::OkStatus();
  const char* const reason = dlerror();
  return absl::FailedPreconditionError(
      absl::StrCat("LibTorch's CUDA backend cannot be opened: ", reason == nullptr ? "unknown" : reason));
}

// The first number of the GPU's compute capability; 0 when CUDA's runtime does not say.
int CapabilityOf(int gpu) {
  // As CUDA's runtime declares it since its first versions. LibTorch has no call for it that does without CUDA's
  // headers, which are no part of its wheel; the library is in the process when the backend is.
  using GetAttribute = int (*)(int* value, int attribute, int device);
  constexpr int kComputeCapabilityMajor = 75;
  const auto get_attribute = reinterpret_cast<GetAttribute>(dlsym(RTLD_DEFAULT, "cudaDeviceGetAttribute"));
  int capability = 0;
  if (get_attribute == nullptr || get_attribute(&capability, kComputeCapabilityMajor, gpu) != 0) return 0;
  return capability;
}

// What all of this process's work on GPUs is done with.
void SetUpGpus(int count) {
  at::Context& context = at::globalContext();
  // The reference computes in fp32 on GPUs too; TF32 would keep 10 bits.
  context.setAllowTF32CuDNN(false);
  context.setAllowTF32CuBLAS(false);
  KeepSumsInFp32();
  int least_capability = std::numeric_limits<int>::max();
  for (int gpu = 0; gpu < count; ++gpu) least_capability = std::min(least_capability, CapabilityOf(gpu));
  context.setSDPPriorityOrder(AttentionOrder(least_capability));
}

absl::StatusOr<int> OpenGpus() {
  if (absl::Status opened = OpenCudaBackend(); !opened.ok()) return opened;
  int count = 0;
  const absl::Status counted =
      CatchDeviceErrors(absl::StatusCode::kFailedPrecondition, "the CUDA driver cannot be used", [&count] {
        count = static_cast<uint8_t>(torch::cuda::device_count());  // a signed char, never below 0
        if (count > 0) SetUpGpus(count);
        return absl::OkStatus();
      });
  if (!counted.ok()) return counted;
  if (count == 0) {
    return absl::FailedPreconditionError(
        "LibTorch sees no CUDA device: the driver does not answer, or CUDA_VISIBLE_DEVICES hides them");
  }
  return count;
}

torch::Device Gpu(int index) { return {torch::kCUDA, static_cast<c10::DeviceIndex>(index)}; }

}  // namespace

std::vector<int64_t> AttentionOrder(int capability) {
  constexpr int kHopper = 9;
  std::vector<at::SDPBackend> order = {at::SDPBackend::flash_attention, at::SDPBackend::efficient_attention,
                                       at::SDPBackend::math, at::SDPBackend::cudnn_attention,
                                       at::SDPBackend::overrideable};
  if (capability >= kHopper) std::rotate(order.begin(), order.begin() + 3, order.begin() + 4);
  std::vector<int64_t> numbers;
  for (const at::SDPBackend backend : order) numbers.push_back(static_cast<int64_t>(backend));
  return numbers;
}

void KeepSumsInFp32() {
  at::Context& context = at::globalContext();
  context.setAllowBF16ReductionCuBLAS(false);
  context.setAllowFP16ReductionCuBLAS(false);
  context.setAllowFP16AccumulationCuBLAS(false);
  context.setAllowFP16BF16ReductionMathSDP(false);
}

absl::Status OpenCudaBackend() {
  static const absl::Status opened = DlopenBackend();
  return opened;
}

absl::StatusOr<int> CountGpus() {
  static const absl::StatusOr<int> gpus = OpenGpus();
  return gpus;
}

absl::StatusOr<torch::Device> ResolveDevice(absl::string_view name) {
  if (name == "cpu") return torch::Device(torch::kCPU);
  if (name == "auto") return GpuUsable().ok() ? Gpu(0) : torch::Device(torch::kCPU);
  int index = 0;
  absl::string_view rest = name;
  if (!absl::ConsumePrefix(&rest, "cuda") ||
      (!rest.empty() && (!absl::ConsumePrefix(&rest, ":") || !absl::SimpleAtoi(rest, &index) || index < 0))) {
    return absl::InvalidArgumentError(absl::StrCat("device \"", name, "\" is not \"auto\", \"cpu\" or \"cuda:N\""));
  }
  const absl::StatusOr<int> gpus = CountGpus();
  if (!gpus.ok()) return absl::FailedPreconditionError(absl::StrCat("device ", name, ": ", gpus.status().message()));
  if (index >= *gpus) {
    return absl::FailedPreconditionError(absl::StrCat("device ", name, " does not exist: there are ", *gpus, " GPUs"));
  }
  return Gpu(index);
}

std::string ComputeKernels(const torch::Device& device, absl::string_view forms) {
  const std::string library = absl::StrCat("libtorch ", TORCH_VERSION);
  if (!device.is_cpu()) return absl::StrCat(library, " ", device.str());
  return absl::StrCat(library, " ", at::get_cpu_capability(), forms.empty() ? "" : " ", forms,
                      " threads=", at::get_num_threads());
}

}  // namespace bayespfl
