// Weight files as people have them, read one tensor at a time:
//   .pt, .pth     torch.save (PyTorch 1.6 and later) or TorchScript; recognised by content, never executed (pickle.h)
//   .safetensors  recognised by its name, in any case
#ifndef BAYESPFL_MODEL_CHECKPOINT_CHECKPOINT_H_
#define BAYESPFL_MODEL_CHECKPOINT_CHECKPOINT_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/package/safetensors.h"

namespace bayespfl {

// Not thread-safe.
class Checkpoint {
 public:
  // Reads names, types and shapes. Nested dictionaries and TorchScript modules give dotted names
  // ("MyModel.prompt_context", "visual.conv1.weight"); what is no tensor is left out.
  // NotFound: no such file. DataLoss: damaged, hostile or of another format; the message names what is wrong.
  static absl::StatusOr<std::unique_ptr<Checkpoint>> Open(const std::string& path);

  virtual ~Checkpoint() = default;
  Checkpoint(const Checkpoint&) = delete;
  Checkpoint& operator=(const Checkpoint&) = delete;

  const std::string& path() const { return path_; }
  const std::map<std::string, TensorInfo>& tensors() const { return tensors_; }

  // A tensor's bytes, contiguous and row-major, into `out` (resized). Requires a name of tensors(). DataLoss: the data
  // is missing or damaged.
  virtual absl::Status Read(const std::string& name, std::vector<uint8_t>& out) = 0;

 protected:
  explicit Checkpoint(std::string path) : path_(std::move(path)) {}

  std::string path_;
  std::map<std::string, TensorInfo> tensors_;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_CHECKPOINT_CHECKPOINT_H_
