// Memory that a device has of its own.
#ifndef BAYESPFL_MODEL_DETECTION_DEVICE_MEMORY_H_
#define BAYESPFL_MODEL_DETECTION_DEVICE_MEMORY_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"

namespace bayespfl {

// Bytes that a model could still take on a device, named as in DetectorOptions::device: what the driver has left, and
// what LibTorch has taken from it before and does not use at the moment. nullopt: the device computes in this machine's
// memory ("cpu"; "auto" without a GPU). Errors as ResolveDevice(); FailedPrecondition too when the driver does not say.
// Thread-safe.
absl::StatusOr<std::optional<int64_t>> FreeDeviceMemory(const std::string& device);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_DETECTION_DEVICE_MEMORY_H_
