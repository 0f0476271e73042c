// CLIP's text transformer, fed with embeddings instead of token ids.
#ifndef BAYESPFL_MODEL_NETWORK_TEXT_TRANSFORMER_H_
#define BAYESPFL_MODEL_NETWORK_TEXT_TRANSFORMER_H_

#include <cstdint>
#include <vector>

#include "model/libtorch.h"
#include "model/network/network_kernels.h"
#include "model/network/shared_prompts.h"
#include "model/network/transformer.h"
#include "model/network/weights.h"
#include "model/package/model_config.h"
#include "model/package/precision.h"

namespace bayespfl {

// Immutable after Load(); safe from many threads.
class TextTransformer {
 public:
  static TextTransformer Load(WeightReader& reader, const ModelConfig& config, const NetworkKernels& kernels,
                              Precision precision);

  // ids of n tokens, whole numbers on the device, -> [n, D_t], before the positional embedding.
  torch::Tensor EmbedTokens(const torch::Tensor& ids) const;

  // [length, D_t]: the first rows of the positional embedding; requires length <= the context length.
  torch::Tensor Positions(int64_t length) const { return positional_embedding_.slice(0, 0, length); }

  // x [N, length, D_t], positions included; ends [N] (int64): of the N * length rows those that stand for their
  // sequences, their ends of text. Attention is causal, so rows after them change nothing and sequences may be cut or
  // padded freely.
  // Returns [N, E], not normalised.
  torch::Tensor Encode(const torch::Tensor& x, const torch::Tensor& ends) const;

  // The same of sequences that share rows, each row computed once, and in the last block only what is read: [N, E].
  torch::Tensor EncodeShared(const SharedPrompts& prompts) const;

 private:
  torch::Tensor token_embedding_;
  torch::Tensor positional_embedding_;
  std::vector<ResidualBlock> blocks_;
  LayerNorm ln_final_;
  torch::Tensor projection_;  // [D_t, E]
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_NETWORK_TEXT_TRANSFORMER_H_
