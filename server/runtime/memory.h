// Whether a model fits before it is loaded: a load that runs out of memory takes the models that serve with it.
#ifndef BAYESPFL_SERVER_RUNTIME_MEMORY_H_
#define BAYESPFL_SERVER_RUNTIME_MEMORY_H_

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/package/precision.h"

namespace bayespfl::server {

// Bytes that this process can still take: the machine's available memory, or what the control groups leave, whichever
// is less; files in the page cache count as free. `root` stands in for "/" in tests.
int64_t AvailableMemory(const std::filesystem::path& root = "/");

// Bytes that the package's weights take when it is loaded in `precision` (nullopt: the one that it says), and a quarter
// more for a batch under way: 4 for each weight in fp32, else 3, since some stay floats. 0: the weight files cannot be
// read; whoever loads them says why.
int64_t MemoryOfPackage(const std::string& package_dir, std::optional<Precision> precision);

// Bytes that are free on a device with memory of its own; nullopt: it computes in this machine's. FreeDeviceMemory().
using DeviceMemory = std::function<absl::StatusOr<std::optional<int64_t>>(const std::string& device)>;

// Whether the package can be loaded once for each of `devices` ("cpu", "cuda:0", "auto"), beside what is there already,
// in `precision` as above.
// `available` is AvailableMemory(): weights for a GPU only pass through it, a tensor at a time.
// ResourceExhausted, with the numbers and the place, when not. Errors of `device_memory`.
absl::Status CheckMemory(const std::string& package_dir, std::optional<Precision> precision,
                         const std::vector<std::string>& devices, int64_t available, const DeviceMemory& device_memory);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_RUNTIME_MEMORY_H_
