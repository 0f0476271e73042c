// NVIDIA's management library (NVML), loaded while the server runs: it comes with the driver, so that a machine without
// a GPU need not have it and the server does not link it.
//
//   absl::StatusOr<std::unique_ptr<Nvml>> nvml = Nvml::Load();
//   if (nvml.ok()) DeviceReading reading = (*nvml)->Read(0);
#ifndef BAYESPFL_SERVER_TELEMETRY_NVML_H_
#define BAYESPFL_SERVER_TELEMETRY_NVML_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace bayespfl::server {

inline constexpr char kNvmlLibrary[] = "libnvidia-ml.so.1";

// What a device says about itself now; absent: it did not say (a MIG device has no utilization, for example).
struct DeviceReading {
  struct Memory {
    uint64_t used_bytes = 0;  // by all processes
    uint64_t total_bytes = 0;
  };
  std::optional<Memory> memory = std::nullopt;
  std::optional<double> utilization = std::nullopt;  // 0..1, share of the last moments in which a kernel ran
};

// Thread-safe.
class Nvml {
 public:
  // NotFound: there is no such library, or none that can be loaded. Unavailable: it cannot be used; the message holds
  // NVML's code, or says that a function is missing.
  static absl::StatusOr<std::unique_ptr<Nvml>> Load(const std::string& library = kNvmlLibrary);
  ~Nvml();
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;

  // "GPU-8a1f...": of every device, in the order of the PCI bus; empty for one that does not say.
  const std::vector<std::string>& uuids() const { return uuids_; }

  // Asks the driver. `device` < uuids().size().
  DeviceReading Read(size_t device) const;

 private:
  struct Library;
  Nvml(std::unique_ptr<Library> library, unsigned int devices);

  std::unique_ptr<Library> library_;
  std::vector<void*> devices_;  // null: has no handle
  std::vector<std::string> uuids_;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_TELEMETRY_NVML_H_
