// The prompts of several pictures as the text tower's input, each row once.
//
// Under a causal mask a row depends on those before it alone. A normal and an abnormal prompt of one sample begin with
// the same start of text and the same context rows, and all prompts of a picture with the same start of text: of 840
// rows (R = 10, B = 3, "metal nut") 631 differ. Only these go through the towers' linear maps.
#ifndef BAYESPFL_MODEL_NETWORK_SHARED_PROMPTS_H_
#define BAYESPFL_MODEL_NETWORK_SHARED_PROMPTS_H_

#include <cstdint>
#include <vector>

#include "torch/torch.h"

namespace bayespfl {

// One picture's prompts before the positional embedding; M = R B.
struct PromptParts {
  torch::Tensor tokens;    // [n, D_t]: start of text, "X", the object's tokens, end of text
  torch::Tensor context;   // [M, P, D_t]
  torch::Tensor normal;    // [M, Q, D_t]
  torch::Tensor abnormal;  // [M, Q, D_t]
};

// N sequences over n rows: row 0 of a sequence is its first position. Sequences end at different positions; what stands
// behind their ends is of no meaning.
struct SharedPrompts {
  torch::Tensor rows;       // [n, D_t], positional embedding included
  torch::Tensor sequences;  // [N, length], int64: which row stands at each position
  torch::Tensor places;     // [n], int64: where in the flattened `sequences` each row stands first
  torch::Tensor ends;       // [N], int64: where in the flattened `sequences` each sequence ends
};

// The sequences are picture by picture M normal ones, then M abnormal ones. `positions` [at least as many as the
// longest sequence has, D_t]; everything on one device.
SharedPrompts SharePrompts(const std::vector<PromptParts>& pictures, const torch::Tensor& positions);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_NETWORK_SHARED_PROMPTS_H_
