// Writes the two file formats that upstream weights come in, so that reading them can be tried at any size.
#ifndef BAYESPFL_MODEL_CHECKPOINT_TORCH_WRITER_H_
#define BAYESPFL_MODEL_CHECKPOINT_TORCH_WRITER_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "model/package/safetensors.h"

namespace bayespfl {

// A tensor to write. Entries with equal `storage` share one: only its first entry is asked for bytes.
struct NamedTensor {
  std::string name;                             // dotted
  TensorInfo info;                              // floating point
  std::string storage;                          // which data it shows
  std::function<std::vector<uint8_t>()> bytes;  // row-major
};

// OpenAI's format: a TorchScript archive of nested modules whose parameters are the tensors, with CLIP's three integer
// buffers. Holds all tensors in memory. Internal: LibTorch could not write.
absl::Status WriteTorchScriptClip(const std::string& path, const std::vector<NamedTensor>& tensors,
                                  int64_t input_resolution, int64_t context_length, int64_t vocabulary_size);

// The authors' format: torch.save of {"MyModel": OrderedDict} with its `_metadata`; fp32 tensors, one at a time.
absl::Status WriteStateDictionary(const std::string& path, const std::vector<NamedTensor>& tensors);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_CHECKPOINT_TORCH_WRITER_H_
