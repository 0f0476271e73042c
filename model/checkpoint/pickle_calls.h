// What a weight file's pickle may name and call, and what comes of it. Whatever is not here is refused.
#ifndef BAYESPFL_MODEL_CHECKPOINT_PICKLE_CALLS_H_
#define BAYESPFL_MODEL_CHECKPOINT_PICKLE_CALLS_H_

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/checkpoint/pickle.h"

namespace bayespfl {

enum class PickleGlobal {
  kDictionary,   // collections.OrderedDict, called without arguments
  kTensor,       // torch._utils._rebuild_tensor_v2, see TensorOf()
  kWrapper,      // _rebuild_parameter, restore_type_tag, build_<type>list: gives back its first argument
  kStorageType,  // torch.<Type>Storage: named in persistent ids, never called
  kScriptType,   // __torch__.*: a TorchScript class, of which objects are made; never called
};

// What a name ("module.name") stands for; nullopt: not on the list.
std::optional<PickleGlobal> FindPickleGlobal(absl::string_view name);

// The storage that a persistent id describes: ("storage", <type>, key, location, elements). DataLoss: it describes
// none, its type is unknown, or its key is not one to look up in an archive.
absl::StatusOr<PickledStorage> StorageOf(const PickleNode& id);

// The tensor of a call's arguments: (storage, offset, shape, strides, requires_grad, hooks[, metadata]). DataLoss: they
// are of other kinds, or the view does not lie inside its storage or is larger than it.
absl::StatusOr<PickledTensor> TensorOf(const std::vector<const PickleNode*>& arguments);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_CHECKPOINT_PICKLE_CALLS_H_
