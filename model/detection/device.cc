#include "model/detection/device.h"

#include <ATen/Version.h>
#include <dlfcn.h>

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "model/detection/device_errors.h"
#include "model/detection/device_survey.h"

namespace bayespfl {
namespace {

torch::Device Gpu(int index) {
  // The reference computes in fp32 on GPUs too; TF32 would keep 10 bits.
  at::globalContext().setAllowTF32CuDNN(false);
  at::globalContext().setAllowTF32CuBLAS(false);
  return {torch::kCUDA, static_cast<c10::DeviceIndex>(index)};
}

}  // namespace

absl::StatusOr<int> CountGpus() {
  if (dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) == nullptr) {
    const char* reason = dlerror();
    return absl::FailedPreconditionError(
        absl::StrCat("LibTorch's CUDA backend cannot be opened: ", reason == nullptr ? "unknown" : reason));
  }
  int count = 0;
  const absl::Status counted =
      CatchDeviceErrors(absl::StatusCode::kFailedPrecondition, "the CUDA driver cannot be used", [&count] {
        count = static_cast<uint8_t>(torch::cuda::device_count());  // a signed char, never below 0
        return absl::OkStatus();
      });
  if (!counted.ok()) return counted;
  if (count == 0)
    return absl::FailedPreconditionError(
        "LibTorch sees no CUDA device: the driver does not answer, or CUDA_VISIBLE_DEVICES hides them");
  return count;
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
