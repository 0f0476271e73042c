// How many floating-point operations a batch of frames takes, from the model's sizes alone: what a measured time is to
// be compared with.
#ifndef BAYESPFL_MODEL_NETWORK_FLOP_COUNT_H_
#define BAYESPFL_MODEL_NETWORK_FLOP_COUNT_H_

#include <cstdint>

#include "model/network/prompt_form.h"
#include "model/package/model_config.h"

namespace bayespfl {

// Frames that are computed together, with as many samples and tokens each.
struct FlopBatch {
  int64_t frames = 1;   // N
  int64_t samples = 1;  // R
  int64_t tokens = 5;   // of the prompt: start of text, "X", the object's, end of text ("metal nut": 5)
  PromptForm prompts = PromptForm::kShared;
};

// Operations of the matrix products, by the stages of StageSeconds (model/detection/detection.h) and their parts; a
// multiplication and its addition are two. What goes over tensors element by element (normalisation, softmax, GELU, the
// up-sampling of maps) is not counted: it is bound by memory. Attention under a causal mask counts as if nothing
// were masked, as it is computed.
struct FlopCount {
  struct Vision {
    int64_t embedding = 0;  // patches to tokens
    int64_t linear = 0;     // the blocks' linear maps
    int64_t attention = 0;  // Q K^T and the weighted sums of V
    int64_t heads = 0;      // class token's projection, F of the tapped layers, the image embedding

    int64_t total() const { return embedding + linear + attention + heads; }
  };
  struct Prompts {
    int64_t distributions = 0;  // encoders and flow parameters of the image-specific distribution
    int64_t flows = 0;
    int64_t linear = 0;
    int64_t attention = 0;
    int64_t projection = 0;  // to the text embeddings

    int64_t total() const { return distributions + flows + linear + attention + projection; }
  };
  struct Detect {
    int64_t scores = 0;      // text embeddings against the image embedding
    int64_t refinement = 0;  // residual cross-attention
    int64_t logits = 0;      // the difference of each pair of refined texts against every patch

    int64_t total() const { return scores + refinement + logits; }
  };

  Vision vision;
  Prompts prompts;
  Detect detect;

  int64_t total() const { return vision.total() + prompts.total() + detect.total(); }
};

FlopCount CountFlop(const ModelConfig& config, const FlopBatch& batch);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_NETWORK_FLOP_COUNT_H_
