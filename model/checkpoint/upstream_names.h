// Where the tensors of a package lie in the files that people have.
#ifndef BAYESPFL_MODEL_CHECKPOINT_UPSTREAM_NAMES_H_
#define BAYESPFL_MODEL_CHECKPOINT_UPSTREAM_NAMES_H_

#include <map>
#include <string>

#include "model/package/safetensors.h"

namespace bayespfl {

using Tensors = std::map<std::string, TensorInfo>;
// The package's name of a tensor -> its name in the file.
using NameMap = std::map<std::string, std::string>;

// In both files the tensors may lie under the keys of a training checkpoint (state_dict, model_state_dict, model,
// MyModel), below "module." after distributed training, and with "_orig_mod." wherever a part was compiled; these may
// be nested. What lies beside them is left out.

// CLIP under OpenAI's names; or under OpenCLIP's: the same, with the text tower below "text." in newer files. Buffers
// that are no weights (input_resolution, context_length, vocab_size, attn_mask) are left out. What is unknown keeps its
// name.
NameMap ClipNames(const Tensors& tensors);

// Bayes-PFL's own weights: a state dictionary below "MyModel." as the authors' script saves it, or bare.
NameMap BayesPflNames(const Tensors& tensors);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_CHECKPOINT_UPSTREAM_NAMES_H_
