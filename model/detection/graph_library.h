// The module that records what a GPU does (model/graph_module/graph_module.h), found and opened at run time.
#ifndef BAYESPFL_MODEL_DETECTION_GRAPH_LIBRARY_H_
#define BAYESPFL_MODEL_DETECTION_GRAPH_LIBRARY_H_

#include <filesystem>

#include "absl/status/statusor.h"
#include "model/graph_module/graph_module.h"

namespace bayespfl {

inline constexpr char kGraphLibraryName[] = "libbayespfl_cuda_graphs.so";

// Where the module lies: beside the running program, or, when it is not there, in ../libexec from there.
std::filesystem::path GraphLibraryPath();

// Opens it, for the rest of the process. It needs LibTorch's CUDA backend: OpenCudaBackend() of device.h before.
// FailedPrecondition: it is not there or cannot be opened, is of another version, or sees no device; the message says
// which. Thread-safe.
absl::StatusOr<const BayesPflGraphModule*> OpenGraphLibrary(const std::filesystem::path& path = GraphLibraryPath());

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_DETECTION_GRAPH_LIBRARY_H_
