// The prompts of several pictures as the text tower's input, each sequence by itself: what shared_prompts.h is compared
// with, and what training differentiates (the gradient of a row that is read once needs no sum over its readers).
#ifndef BAYESPFL_MODEL_NETWORK_WHOLE_PROMPTS_H_
#define BAYESPFL_MODEL_NETWORK_WHOLE_PROMPTS_H_

#include <vector>

#include "model/network/shared_prompts.h"
#include "model/network/text_transformer.h"
#include "torch/torch.h"

namespace bayespfl {

// The tower's embeddings, not normalised: picture by picture M normal rows, then M abnormal ones; [sum of 2M_i, E].
torch::Tensor EncodeWhole(const TextTransformer& tower, const std::vector<PromptParts>& pictures);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_NETWORK_WHOLE_PROMPTS_H_
