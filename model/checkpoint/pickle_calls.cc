#include "model/checkpoint/pickle_calls.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "model/checkpoint/shown_name.h"

namespace bayespfl {
namespace {

using Kind = PickleNode::Kind;

constexpr size_t kMaxAxes = 16;
constexpr size_t kMaxKeyBytes = 64;
constexpr absl::string_view kScriptPrefix = "__torch__.";

struct Callable {
  absl::string_view name;
  PickleGlobal global;
};
constexpr std::array<Callable, 8> kCallables = {{
    {"collections.OrderedDict", PickleGlobal::kDictionary},
    {"torch._utils._rebuild_tensor_v2", PickleGlobal::kTensor},
    {"torch._utils._rebuild_parameter", PickleGlobal::kWrapper},
    {"torch.jit._pickle.restore_type_tag", PickleGlobal::kWrapper},
    {"torch.jit._pickle.build_intlist", PickleGlobal::kWrapper},
    {"torch.jit._pickle.build_tensorlist", PickleGlobal::kWrapper},
    {"torch.jit._pickle.build_doublelist", PickleGlobal::kWrapper},
    {"torch.jit._pickle.build_boollist", PickleGlobal::kWrapper},
}};

struct StorageType {
  absl::string_view name;
  DType dtype;
};
constexpr std::array<StorageType, 10> kStorageTypes = {{
    {"torch.DoubleStorage", DType::kF64},
    {"torch.FloatStorage", DType::kF32},
    {"torch.HalfStorage", DType::kF16},
    {"torch.BFloat16Storage", DType::kBF16},
    {"torch.LongStorage", DType::kI64},
    {"torch.IntStorage", DType::kI32},
    {"torch.ShortStorage", DType::kI16},
    {"torch.CharStorage", DType::kI8},
    {"torch.ByteStorage", DType::kU8},
    {"torch.BoolStorage", DType::kBool},
}};

std::optional<DType> StorageDType(absl::string_view global) {
  for (const StorageType& type : kStorageTypes) {
    if (type.name == global) return type.dtype;
  }
  return std::nullopt;
}

bool IsStorageKey(absl::string_view key) {
  return !key.empty() && key.size() <= kMaxKeyBytes && std::all_of(key.begin(), key.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_';
  });
}

// Whether a strided view lies inside its storage and repeats none of it on a large scale.
absl::Status CheckView(const PickledTensor& tensor) {
  int64_t elements = 1;
  int64_t last = tensor.offset;
  for (size_t axis = 0; axis < tensor.shape.size(); ++axis) {
    int64_t reach = 0;
    if (__builtin_mul_overflow(elements, tensor.shape[axis], &elements) ||
        __builtin_mul_overflow(std::max<int64_t>(tensor.shape[axis] - 1, 0), tensor.strides[axis], &reach) ||
        __builtin_add_overflow(last, reach, &last)) {
      return absl::DataLossError("a tensor's shape overflows");
    }
  }
  if (elements > tensor.storage.elements || (elements > 0 && last >= tensor.storage.elements)) {
    return absl::DataLossError(absl::StrCat("a tensor of ", elements, " elements reaches to element ", last,
                                            " of storage \"", tensor.storage.key, "\", which has ",
                                            tensor.storage.elements));
  }
  return absl::OkStatus();
}

}  // namespace

std::optional<PickleGlobal> FindPickleGlobal(absl::string_view name) {
  for (const Callable& callable : kCallables) {
    if (callable.name == name) return callable.global;
  }
  if (StorageDType(name)) return PickleGlobal::kStorageType;
  if (absl::StartsWith(name, kScriptPrefix)) return PickleGlobal::kScriptType;
  return std::nullopt;
}

absl::StatusOr<PickledStorage> StorageOf(const PickleNode& id) {
  const std::vector<const PickleNode*>& items = id.items;
  const bool good = id.kind == Kind::kTuple && items.size() == 5 && items[0]->kind == Kind::kString &&
                    items[0]->text == "storage" && items[1]->kind == Kind::kGlobal && items[2]->kind == Kind::kString &&
                    items[3]->kind == Kind::kString && items[4]->kind == Kind::kInt && items[4]->integer >= 0;
  if (!good) return absl::DataLossError("a persistent id describes no storage");
  const std::optional<DType> dtype = StorageDType(items[1]->text);
  if (!dtype) return absl::DataLossError(absl::StrCat(ShownName(items[1]->text), " is no storage type"));
  if (!IsStorageKey(items[2]->text)) return absl::DataLossError("a storage has a strange key");
  return PickledStorage{*dtype, items[2]->text, items[4]->integer};
}

absl::StatusOr<PickledTensor> TensorOf(const std::vector<const PickleNode*>& arguments) {
  const bool good = arguments.size() >= 4 && arguments[0]->kind == Kind::kStorage && arguments[1]->kind == Kind::kInt &&
                    arguments[1]->integer >= 0 && arguments[2]->items.size() == arguments[3]->items.size() &&
                    arguments[2]->items.size() <= kMaxAxes && arguments[2]->kind == Kind::kTuple &&
                    arguments[3]->kind == Kind::kTuple;
  if (!good) return absl::DataLossError("a tensor is described in an unknown way");
  PickledTensor tensor{arguments[0]->storage, arguments[1]->integer, {}, {}};
  for (size_t axis = 0; axis < arguments[2]->items.size(); ++axis) {
    const PickleNode& size = *arguments[2]->items[axis];
    const PickleNode& stride = *arguments[3]->items[axis];
    if (size.kind != Kind::kInt || stride.kind != Kind::kInt || size.integer < 0 || stride.integer < 0) {
      return absl::DataLossError("a tensor has a size or a stride that is no natural number");
    }
    tensor.shape.push_back(size.integer);
    tensor.strides.push_back(stride.integer);
  }
  if (absl::Status status = CheckView(tensor); !status.ok()) return status;
  return tensor;
}

}  // namespace bayespfl
