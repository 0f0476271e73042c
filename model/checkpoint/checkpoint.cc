#include "model/checkpoint/checkpoint.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "model/checkpoint/pickle.h"
#include "model/checkpoint/shown_name.h"
#include "model/checkpoint/torch_archive.h"

namespace bayespfl {
namespace {

using Kind = PickleNode::Kind;

// Bounds of a walk through a pickle, whose nodes may be shared or contain themselves.
constexpr int kMaxDepth = 32;
constexpr size_t kMaxVisits = 400'000;  // of nodes and entries; a ViT-L CLIP needs 1200
constexpr size_t kMaxNameBytes = 512;

class SafetensorsCheckpoint final : public Checkpoint {
 public:
  explicit SafetensorsCheckpoint(std::unique_ptr<const SafetensorsFile> file)
      : Checkpoint(file->path()), file_(std::move(file)) {
    for (const auto& [name, view] : file_->tensors()) tensors_.emplace(name, TensorInfo{view.dtype, view.shape});
  }

  absl::Status Read(const std::string& name, std::vector<uint8_t>& out) override {
    const absl::Span<const uint8_t> data = file_->tensors().at(name).data;
    out.assign(data.begin(), data.end());
    return absl::OkStatus();
  }

 private:
  std::unique_ptr<const SafetensorsFile> file_;
};

// Copies a strided view of `storage` to `out`, row by row.
void Gather(const PickledTensor& tensor, const std::vector<uint8_t>& storage, std::vector<uint8_t>& out) {
  const size_t width = DTypeSize(tensor.storage.dtype);
  std::vector<int64_t> index(tensor.shape.size(), 0);
  uint8_t* target = out.data();
  uint8_t* const end = out.data() + out.size();
  while (target < end) {
    int64_t element = tensor.offset;
    for (size_t axis = 0; axis < index.size(); ++axis) element += index[axis] * tensor.strides[axis];
    std::memcpy(target, storage.data() + static_cast<size_t>(element) * width, width);
    target += width;
    for (size_t axis = index.size(); axis-- > 0;) {
      if (++index[axis] < tensor.shape[axis]) break;
      index[axis] = 0;
    }
  }
}

bool IsContiguous(const PickledTensor& tensor) {
  int64_t expected = 1;
  for (size_t axis = tensor.shape.size(); axis-- > 0;) {
    if (tensor.shape[axis] != 1 && tensor.strides[axis] != expected) return false;
    expected *= tensor.shape[axis];
  }
  return true;
}

class TorchCheckpoint final : public Checkpoint {
 public:
  explicit TorchCheckpoint(std::unique_ptr<const TorchArchive> archive)
      : Checkpoint(archive->path()), archive_(std::move(archive)) {}

  absl::Status ReadIndex() {
    const absl::StatusOr<uint64_t> size = archive_->Size("data.pkl");
    if (!size.ok()) return size.status();
    if (*size > Pickle::kMaxBytes) {
      return Error("data.pkl has ", *size, " bytes; at most ", Pickle::kMaxBytes, " make sense for weights");
    }
    std::vector<uint8_t> bytes(*size);
    if (absl::Status status = archive_->Read("data.pkl", absl::MakeSpan(bytes)); !status.ok()) return status;
    const absl::StatusOr<Pickle> pickle = Pickle::Parse(bytes);
    if (!pickle.ok()) return Error("data.pkl ", pickle.status().message());
    size_t visits = 0;
    return Walk(pickle->root(), "", 0, visits);
  }

  absl::Status Read(const std::string& name, std::vector<uint8_t>& out) override {
    const PickledTensor& tensor = views_.at(name);
    const size_t width = DTypeSize(tensor.storage.dtype);
    std::vector<uint8_t> storage(static_cast<size_t>(tensor.storage.elements) * width);
    if (absl::Status status = archive_->Read(absl::StrCat("data/", tensor.storage.key), absl::MakeSpan(storage));
        !status.ok()) {
      return absl::DataLossError(absl::StrCat("tensor \"", name, "\": ", status.message()));
    }
    size_t elements = 1;
    for (const int64_t length : tensor.shape) elements *= static_cast<size_t>(length);
    out.clear();
    if (elements == 0) return absl::OkStatus();
    if (IsContiguous(tensor) && elements * width == storage.size()) {
      out = std::move(storage);
      return absl::OkStatus();
    }
    out.resize(elements * width);
    Gather(tensor, storage, out);
    return absl::OkStatus();
  }

 private:
  template <typename... Parts>
  absl::Status Error(const Parts&... parts) const {
    return absl::DataLossError(absl::StrCat(path_, ": ", parts...));
  }

  absl::Status Walk(const PickleNode& node, const std::string& name, int depth, size_t& visits) {
    if (depth > kMaxDepth || ++visits > kMaxVisits || name.size() > kMaxNameBytes) {
      return Error("data.pkl is larger or nested deeper than any state dictionary, at \"", ShownName(name), "\"");
    }
    if (node.kind == Kind::kTensor) return AddTensor(node.tensor, name);
    if (node.kind != Kind::kDict && node.kind != Kind::kObject) return absl::OkStatus();
    // Entries without a name cost time too, each time their shared dictionary is met.
    visits += node.entries.size();
    for (const auto& [key, value] : node.entries) {
      // Optimisers number their state; only what has a name can be a weight.
      if (key->kind != Kind::kString) continue;
      const std::string child = name.empty() ? key->text : absl::StrCat(name, ".", key->text);
      if (absl::Status status = Walk(*value, child, depth + 1, visits); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::Status AddTensor(const PickledTensor& tensor, const std::string& name) {
    const absl::StatusOr<uint64_t> bytes = archive_->Size(absl::StrCat("data/", tensor.storage.key));
    if (!bytes.ok()) return Error("tensor \"", ShownName(name), "\": ", bytes.status().message());
    const size_t width = DTypeSize(tensor.storage.dtype);
    if (*bytes % width != 0 || *bytes / width != static_cast<uint64_t>(tensor.storage.elements)) {
      return Error("tensor \"", ShownName(name), "\": its storage of ", tensor.storage.elements, " elements of ", width,
                   " bytes has ", *bytes, " bytes in the file");
    }
    if (!tensors_.emplace(name, TensorInfo{tensor.storage.dtype, tensor.shape}).second) {
      return Error("tensor \"", ShownName(name), "\" is listed twice");
    }
    views_.emplace(name, tensor);
    return absl::OkStatus();
  }

  std::unique_ptr<const TorchArchive> archive_;
  std::map<std::string, PickledTensor> views_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Checkpoint>> Checkpoint::Open(const std::string& path) {
  if (absl::EndsWithIgnoreCase(path, ".safetensors")) {
    auto file = SafetensorsFile::Open(path);
    if (!file.ok()) return file.status();
    return std::make_unique<SafetensorsCheckpoint>(*std::move(file));
  }
  auto archive = TorchArchive::Open(path);
  if (!archive.ok()) return archive.status();
  auto checkpoint = std::make_unique<TorchCheckpoint>(*std::move(archive));
  if (absl::Status status = checkpoint->ReadIndex(); !status.ok()) return status;
  return checkpoint;
}

}  // namespace bayespfl
