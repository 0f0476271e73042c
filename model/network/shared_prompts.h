// The prompts of several pictures as the text tower's input, each row once (prompt_layout.h).
#ifndef BAYESPFL_MODEL_NETWORK_SHARED_PROMPTS_H_
#define BAYESPFL_MODEL_NETWORK_SHARED_PROMPTS_H_

#include "model/libtorch.h"
#include "model/network/prompt_batch.h"

namespace bayespfl {

// What the prompts of all pictures consist of, before the positional embedding; M = R B of a picture.
struct PromptParts {
  torch::Tensor tokens;    // [all pictures' tokens, D_t]
  torch::Tensor context;   // [sum of M, P, D_t]
  torch::Tensor normal;    // [sum of M, Q, D_t]
  torch::Tensor abnormal;  // [sum of M, Q, D_t]
};

// N sequences over n rows.
struct SharedPrompts {
  torch::Tensor rows;       // [n, D_t], positional embedding included
  torch::Tensor sequences;  // [N, length], int64: which row stands at each position
  torch::Tensor places;     // [n], int64: where in the flattened `sequences` each row stands first
  torch::Tensor ends;       // [N], int64: where in the flattened `sequences` each sequence ends

  // The sequences with all their rows, [N, length, D_t].
  torch::Tensor Whole() const;
};

// `positions` [at least as many as the longest sequence has, D_t]; everything on one device.
SharedPrompts SharePrompts(const PromptParts& parts, const PromptIndices& indices, const torch::Tensor& positions);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_NETWORK_SHARED_PROMPTS_H_
