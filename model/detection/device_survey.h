// What there is to compute on, and why a GPU is not used. Shows no LibTorch.
#ifndef BAYESPFL_MODEL_DETECTION_DEVICE_SURVEY_H_
#define BAYESPFL_MODEL_DETECTION_DEVICE_SURVEY_H_

#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace bayespfl {

// Devices of NVIDIA that the operating system shows to this process: "/dev/nvidia0", ...; "/dev/dxg" under Windows'
// subsystem for Linux. Sorted. `root` stands in for "/" in tests.
std::vector<std::string> NvidiaDevices(const std::filesystem::path& root = "/");

// The driver's version, "580.65.06"; empty where none is loaded.
std::string NvidiaDriverVersion(const std::filesystem::path& root = "/");

// Where LibTorch's CUDA backend lies, or would lie: libtorch_cuda.so beside the library that this program has loaded.
std::filesystem::path CudaBackend();

// Whether `auto` takes a GPU; else FailedPrecondition, and the message says why not: no device is visible, the backend
// is not installed, libraries that it needs are missing (all are named), or the driver does not answer. Opens the
// backend only where all of that is there. Thread-safe.
absl::Status GpuUsable();

struct DeviceSurvey {
  std::string cpu;                             // as ComputeKernels() says it
  std::vector<std::string> nvidia_devices;     // NvidiaDevices()
  std::string driver_version;                  // NvidiaDriverVersion()
  std::filesystem::path backend;               // CudaBackend()
  bool backend_is_installed = false;           // there is a file of that name
  std::vector<std::string> missing_libraries;  // what it needs and does not find
  absl::Status backend_opens;                  // opened now, with or without a device
  absl::Status gpu_usable;                     // GpuUsable()
  int gpus = 0;                                // cuda:0 to cuda:(gpus - 1)
};

// Looks at all of it. Opens the CUDA backend, which takes gigabytes of address space.
DeviceSurvey SurveyDevices();

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_DETECTION_DEVICE_SURVEY_H_
