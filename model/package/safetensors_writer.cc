#include "model/package/safetensors_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "nlohmann/json.hpp"

namespace bayespfl {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors data is little-endian");

constexpr size_t kHeaderAlignment = 8;

size_t ByteSize(const TensorInfo& tensor) {
  size_t bytes = DTypeSize(tensor.dtype);
  for (const int64_t length : tensor.shape) bytes *= static_cast<size_t>(length);
  return bytes;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SafetensorsWriter>> SafetensorsWriter::Create(
    const std::string& path, const std::map<std::string, TensorInfo>& tensors) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd < 0) return FileError("create", path, errno);
  std::unique_ptr<SafetensorsWriter> writer(new SafetensorsWriter(path, fd));
  if (absl::Status status = writer->WriteHeader(tensors); !status.ok()) return status;
  return writer;
}

SafetensorsWriter::~SafetensorsWriter() {
  if (fd_ >= 0) close(fd_);
}

absl::Status SafetensorsWriter::WriteHeader(const std::map<std::string, TensorInfo>& tensors) {
  for (const auto& [name, info] : tensors) order_.push_back(name);
  std::stable_sort(order_.begin(), order_.end(), [&](const std::string& a, const std::string& b) {
    return DTypeSize(tensors.at(a).dtype) > DTypeSize(tensors.at(b).dtype);
  });
  nlohmann::ordered_json header = {{"__metadata__", {{"format", "pt"}}}};
  size_t offset = 0;
  for (const std::string& name : order_) {
    const TensorInfo& info = tensors.at(name);
    sizes_.push_back(ByteSize(info));
    header[name] = {{"dtype", std::string(DTypeName(info.dtype))},
                    {"shape", info.shape},
                    {"data_offsets", {offset, offset + sizes_.back()}}};
    offset += sizes_.back();
  }
  std::string text = header.dump();
  text.resize((text.size() + kHeaderAlignment - 1) / kHeaderAlignment * kHeaderAlignment, ' ');
  const uint64_t length = text.size();
  std::string prefix(sizeof(length), '\0');
  std::memcpy(prefix.data(), &length, sizeof(length));
  text.insert(0, prefix);
  return Write({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

absl::Status SafetensorsWriter::Append(absl::Span<const uint8_t> bytes) {
  if (next_ == order_.size()) return absl::FailedPreconditionError("every tensor has been written");
  if (bytes.size() != sizes_[next_]) {
    return absl::InvalidArgumentError(
        absl::StrCat("tensor \"", order_[next_], "\" needs ", sizes_[next_], " bytes, not ", bytes.size()));
  }
  ++next_;
  return Write(bytes);
}

absl::StatusOr<std::string> SafetensorsWriter::Finish() {
  if (next_ != order_.size()) {
    return absl::FailedPreconditionError(absl::StrCat("tensor \"", order_[next_], "\" was not written"));
  }
  if (fsync(fd_) != 0) return FileError("flush", path_, errno);
  if (close(std::exchange(fd_, -1)) != 0) return FileError("close", path_, errno);
  return digest_.HexDigest();
}

absl::Status SafetensorsWriter::Write(absl::Span<const uint8_t> bytes) {
  digest_.Add(bytes.data(), bytes.size());
  return WriteAll(fd_, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path_);
}

}  // namespace bayespfl
