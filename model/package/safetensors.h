// Reader of the safetensors format (header length, JSON header, raw little-endian data) over a memory-mapped file.
#ifndef BAYESPFL_MODEL_PACKAGE_SAFETENSORS_H_
#define BAYESPFL_MODEL_PACKAGE_SAFETENSORS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace bayespfl {

enum class DType { kF64, kF32, kF16, kBF16, kI64, kI32, kI16, kI8, kU8, kBool };

// The format's name of a type ("F32") and the bytes of one element.
absl::string_view DTypeName(DType dtype);
size_t DTypeSize(DType dtype);

// A tensor's type and sizes, without its data.
struct TensorInfo {
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;  // every size >= 0; empty: a scalar
};

// One tensor: a view into the mapped file, valid as long as the SafetensorsFile. The data need not be aligned.
struct TensorView {
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;      // every size >= 0; empty: a scalar
  absl::Span<const uint8_t> data;  // product(shape) * DTypeSize(dtype) bytes, row-major
};

// Immutable after Open(); every const method may be called from any thread.
class SafetensorsFile {
 public:
  // Maps the file and checks its whole header: sizes, types, shapes (overflow), offsets (range, order, overlaps,
  // holes), duplicate names. NotFound: no such file. DataLoss: anything wrong; the message names the tensor or the
  // offset.
  static absl::StatusOr<std::unique_ptr<const SafetensorsFile>> Open(const std::string& path);

  ~SafetensorsFile();
  SafetensorsFile(const SafetensorsFile&) = delete;
  SafetensorsFile& operator=(const SafetensorsFile&) = delete;

  const std::string& path() const { return path_; }
  const std::map<std::string, TensorView>& tensors() const { return tensors_; }
  // The whole file, for digests.
  absl::Span<const uint8_t> bytes() const { return {map_, size_}; }

 private:
  SafetensorsFile() = default;
  absl::Status ParseHeader();

  std::string path_;
  const uint8_t* map_ = nullptr;
  size_t size_ = 0;
  std::map<std::string, TensorView> tensors_;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_PACKAGE_SAFETENSORS_H_
