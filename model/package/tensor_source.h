// Tensors by name, wherever they come from: what a network loads its weights from.
#ifndef BAYESPFL_MODEL_PACKAGE_TENSOR_SOURCE_H_
#define BAYESPFL_MODEL_PACKAGE_TENSOR_SOURCE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace bayespfl {

enum class DType { kF64, kF32, kF16, kBF16, kI64, kI32, kI16, kI8, kU8, kBool };

// The name of a type in safetensors files ("F32") and the bytes of one element.
absl::string_view DTypeName(DType dtype);
size_t DTypeSize(DType dtype);
// The type of that name; nullopt: there is none.
std::optional<DType> FindDType(absl::string_view name);

// A tensor's type and sizes, without its data.
struct TensorInfo {
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;  // every size >= 0; empty: a scalar
};

// One tensor: a view into its source, valid as long as that. The data need not be aligned.
struct TensorView {
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;      // every size >= 0; empty: a scalar
  absl::Span<const uint8_t> data;  // product(shape) * DTypeSize(dtype) bytes, row-major, little-endian
};

// Const methods may be called from any thread.
class TensorSource {
 public:
  virtual ~TensorSource() = default;

  // What error messages call it: a file's path, for example.
  [[nodiscard]] virtual const std::string& name() const = 0;

  // Null: there is no tensor of that name.
  [[nodiscard]] virtual const TensorView* Find(const std::string& tensor) const = 0;

  // Whoever has read a tensor may say so: memory that it takes while it is looked at is given back. It can be read
  // again as before.
  virtual void Forget(const TensorView& tensor) const { static_cast<void>(tensor); }
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_PACKAGE_TENSOR_SOURCE_H_
