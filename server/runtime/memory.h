// Whether a model fits before it is loaded: a load that runs out of memory takes the models that serve with it.
#ifndef BAYESPFL_SERVER_RUNTIME_MEMORY_H_
#define BAYESPFL_SERVER_RUNTIME_MEMORY_H_

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace bayespfl::server {

// Bytes that this process can still take: the machine's available memory, or what the control groups leave, whichever
// is less; files in the page cache count as free. `root` stands in for "/" in tests.
int64_t AvailableMemory(const std::filesystem::path& root = "/");

// Bytes that the package's weights take as 32-bit floats, and a quarter more for a batch under way. 0: the weight files
// cannot be read; whoever loads them says why.
int64_t MemoryOfPackage(const std::string& package_dir);

// How many copies of a package's weights lie in this memory when it is loaded on each of `devices` ("cpu", "cuda:0",
// "auto", which may turn out to be the CPU): one on a GPU takes the GPU's, and passes through here a tensor at a time.
int CopiesInMemory(const std::vector<std::string>& devices);

// ResourceExhausted with both numbers: `copies` of the package need more than `available` bytes.
absl::Status CheckMemory(const std::string& package_dir, int copies, int64_t available);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_RUNTIME_MEMORY_H_
