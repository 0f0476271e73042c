// A pickle reader that cannot run code: it builds plain data and knows the few callables that PyTorch's weight files
// need, by name; everything else is refused by name.
//
// Read: protocol 2 as torch.save and TorchScript write it. Known callables:
//   collections.OrderedDict                 a dictionary
//   torch._utils._rebuild_tensor_v2         a view of a storage
//   torch._utils._rebuild_parameter         the tensor inside
//   torch.<Type>Storage                     in persistent ids; the location ("cuda:0") is ignored
//   torch.jit._pickle.build_<type>list, restore_type_tag   the value inside
//   __torch__.*                             a TorchScript object: its attributes, none of its code
#ifndef BAYESPFL_MODEL_CHECKPOINT_PICKLE_H_
#define BAYESPFL_MODEL_CHECKPOINT_PICKLE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/package/safetensors.h"

namespace bayespfl {

// A typed array in a record of its own.
struct PickledStorage {
  DType dtype = DType::kF32;
  std::string key;       // record "data/<key>"
  int64_t elements = 0;  // >= 0
};

// A strided view of a storage, checked to lie inside it and to be no larger than it.
struct PickledTensor {
  PickledStorage storage;
  int64_t offset = 0;            // elements
  std::vector<int64_t> shape;    // every size >= 0
  std::vector<int64_t> strides;  // elements, >= 0, one for each size
};

struct PickleNode {
  enum class Kind {
    kNone,
    kBool,    // integer: 0 or 1
    kInt,     // integer
    kFloat,   // number
    kString,  // text, UTF-8 not checked
    kTuple,   // items
    kList,    // items
    kDict,    // entries
    kObject,  // entries: attributes of a TorchScript object
    kGlobal,  // text: "module.name" of a known callable
    kStorage,
    kTensor,
  };
  Kind kind = Kind::kNone;
  int64_t integer = 0;
  double number = 0;
  std::string text;
  std::vector<const PickleNode*> items;
  std::vector<std::pair<const PickleNode*, const PickleNode*>> entries;  // in the file's order
  PickledStorage storage;
  PickledTensor tensor;
};

// The result of a pickle; owns its nodes. Nodes may be shared and may even contain themselves: walk with a bound.
class Pickle {
 public:
  static constexpr size_t kMaxBytes = 16U << 20;  // of the pickle; real ones have 100 kB
  static constexpr size_t kMaxNodes = 1'000'000;  // values

  // DataLoss: a malformed pickle, a callable or an opcode that is not on the list (named), a tensor outside its storage
  // or larger than it, a limit; the message says the byte offset. Takes time linear in the bytes.
  static absl::StatusOr<Pickle> Parse(absl::Span<const uint8_t> bytes);

  const PickleNode& root() const { return *root_; }

 private:
  std::deque<PickleNode> nodes_;  // stable addresses
  const PickleNode* root_ = nullptr;
  friend class PickleMachine;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_CHECKPOINT_PICKLE_H_
