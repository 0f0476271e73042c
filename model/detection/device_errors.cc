#include "model/detection/device_errors.h"

#include <algorithm>
#include <array>
#include <exception>
#include <new>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace bayespfl {
namespace {

// How LibTorch's allocators and the libraries below them begin when they have no memory to give. c10::OutOfMemoryError
// is the GPU allocator's alone; the others have no type of their own.
constexpr std::array<absl::string_view, 5> kOutOfMemory = {
    "CUDA out of memory",          // the GPU's allocator
    "CUDA error: out of memory",   // the driver
    "CUBLAS_STATUS_ALLOC_FAILED",  // a library's workspace
    "DefaultCPUAllocator:",        // the host's; it fails for no other reason
    "Insufficient memory",         // OpenCV's, where pictures are read for training
};

bool IsOutOfMemory(const std::exception& error) {
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) return true;
  return std::any_of(kOutOfMemory.begin(), kOutOfMemory.end(),
                     [&error](absl::string_view sign) { return absl::StrContains(error.what(), sign); });
}

}  // namespace

absl::Status CatchDeviceErrors(absl::StatusCode code, absl::string_view what, absl::FunctionRef<absl::Status()> call) {
  try {
    return call();
  } catch (const std::exception& error) {
    const absl::string_view said = error.what();
    return absl::Status(IsOutOfMemory(error) ? absl::StatusCode::kResourceExhausted : code,
                        absl::StrCat(what, ": ", said.substr(0, said.find('\n'))));
  }
}

}  // namespace bayespfl
