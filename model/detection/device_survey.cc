#include "model/detection/device_survey.h"

#include <ATen/Context.h>
#include <dlfcn.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "model/detection/device.h"
#include "model/detection/missing_libraries.h"

namespace bayespfl {
namespace {

namespace fs = std::filesystem;

// Everything that can be known of the backend without opening it.
absl::Status CheckBackend(const fs::path& backend) {
  std::error_code ignored;
  if (!fs::exists(backend, ignored)) {
    return absl::FailedPreconditionError(absl::StrCat("LibTorch is installed without its CUDA backend, ",
                                                      backend.string(), " (docs/operations.md, \"GPUs\")"));
  }
  const absl::StatusOr<std::vector<std::string>> missing = MissingLibraries(backend);
  if (!missing.ok()) {
    return absl::FailedPreconditionError(absl::StrCat("LibTorch's CUDA backend: ", missing.status().message()));
  }
  if (missing->empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("LibTorch's CUDA backend needs libraries that are not installed: ",
                                                    absl::StrJoin(*missing, ", "), " (docs/operations.md, \"GPUs\")"));
}

}  // namespace

std::vector<std::string> NvidiaDevices(const fs::path& root) {
  std::vector<std::string> devices;
  std::error_code error;
  for (fs::directory_iterator entry(root / "dev", error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename();
    int number = 0;
    const bool card = absl::StartsWith(name, "nvidia") && absl::SimpleAtoi(name.substr(6), &number) && number >= 0;
    if (card || name == "dxg") devices.push_back(absl::StrCat("/dev/", name));
  }
  std::sort(devices.begin(), devices.end());
  return devices;
}

std::string NvidiaDriverVersion(const fs::path& root) {
  // "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.65.06  Sun Jul 27 07:22:14 UTC 2025"; open modules say "Open
  // Kernel Module for x86_64" in front.
  std::ifstream file(root / "proc/driver/nvidia/version");
  std::string line;
  if (!std::getline(file, line)) return "";
  for (const absl::string_view word : absl::StrSplit(line, ' ', absl::SkipEmpty())) {
    if (absl::ascii_isdigit(static_cast<unsigned char>(word.front())) && absl::StrContains(word, '.')) {
      return std::string(word);
    }
  }
  return "";
}

fs::path CudaBackend() {
  Dl_info info = {};
  // Any function of the library that every program here has loaded.
  if (dladdr(reinterpret_cast<const void*>(&at::globalContext), &info) == 0 || info.dli_fname == nullptr) {
    return "libtorch_cuda.so";
  }
  std::error_code error;
  const fs::path library = fs::canonical(info.dli_fname, error);
  return (error ? fs::path(info.dli_fname) : library).parent_path() / "libtorch_cuda.so";
}

absl::Status GpuUsable() {
  if (NvidiaDevices().empty()) {
    return absl::FailedPreconditionError("no GPU of NVIDIA is visible (/dev/nvidia0)");
  }
  absl::Status usable = CheckBackend(CudaBackend());
  if (usable.ok()) usable = CountGpus().status();
  return usable;
}

DeviceSurvey SurveyDevices() {
  DeviceSurvey survey;
  survey.cpu = ComputeKernels(torch::Device(torch::kCPU));
  survey.nvidia_devices = NvidiaDevices();
  survey.driver_version = NvidiaDriverVersion();
  survey.backend = CudaBackend();
  std::error_code ignored;
  survey.backend_is_installed = fs::exists(survey.backend, ignored);
  if (survey.backend_is_installed) {
    absl::StatusOr<std::vector<std::string>> missing = MissingLibraries(survey.backend);
    if (missing.ok()) survey.missing_libraries = *std::move(missing);
  }
  survey.backend_opens = CheckBackend(survey.backend);
  if (survey.backend_opens.ok()) survey.backend_opens = OpenCudaBackend();
  survey.gpu_usable = GpuUsable();
  if (survey.gpu_usable.ok()) survey.gpus = CountGpus().value_or(0);
  return survey;
}

}  // namespace bayespfl
