// Writer of the safetensors format, one tensor at a time.
#ifndef BAYESPFL_MODEL_PACKAGE_SAFETENSORS_WRITER_H_
#define BAYESPFL_MODEL_PACKAGE_SAFETENSORS_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/sha256.h"
#include "model/package/safetensors.h"

namespace bayespfl {

//   auto writer = SafetensorsWriter::Create(path, tensors);
//   for (const std::string& name : (*writer)->order()) (*writer)->Append(BytesOf(name));
//   auto sha256 = (*writer)->Finish();
//
// Not thread-safe. A file that was not finished is left as it is: write into a folder that is thrown away on failure.
class SafetensorsWriter {
 public:
  // Creates the file (which must not exist) and writes its header. AlreadyExists, or the code of another errno: it
  // cannot be written.
  static absl::StatusOr<std::unique_ptr<SafetensorsWriter>> Create(const std::string& path,
                                                                   const std::map<std::string, TensorInfo>& tensors);
  ~SafetensorsWriter();
  SafetensorsWriter(const SafetensorsWriter&) = delete;
  SafetensorsWriter& operator=(const SafetensorsWriter&) = delete;

  // The order in which Append() takes the tensors: the widest elements first, so that all are aligned; then by name.
  const std::vector<std::string>& order() const { return order_; }

  // Writes the next tensor: row-major, little-endian. InvalidArgument: not the bytes its type and shape need. Else
  // the code of the errno: the disk is full or failed.
  absl::Status Append(absl::Span<const uint8_t> bytes);

  // Flushes the file to the disk and returns the SHA-256 of its content. FailedPrecondition: a tensor is missing.
  absl::StatusOr<std::string> Finish();

 private:
  SafetensorsWriter(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  absl::Status WriteHeader(const std::map<std::string, TensorInfo>& tensors);
  absl::Status Write(absl::Span<const uint8_t> bytes);

  std::string path_;
  int fd_;
  std::vector<std::string> order_;
  std::vector<size_t> sizes_;  // bytes, in that order
  size_t next_ = 0;
  Sha256 digest_;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_PACKAGE_SAFETENSORS_WRITER_H_
