// One training step's forward pass and its losses.
#ifndef BAYESPFL_MODEL_TRAINING_TRAINING_LOSS_H_
#define BAYESPFL_MODEL_TRAINING_TRAINING_LOSS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "model/libtorch.h"
#include "model/network/model.h"
#include "model/training/kl_divergence.h"

namespace bayespfl {

// N pictures as a step sees them; tensors on the model's device.
struct LabelledBatch {
  torch::Tensor images;     // [N, 3, S, S] float32, normalised; may be undefined beside `features`
  VisionFeatures features;  // of the frozen tower, without gradient; undefined where it is not frozen
  torch::Tensor positive;   // [N, S, S] bool: mask > 0.5
  torch::Tensor labels;     // [N] int64: 0 normal, 1 anomalous
  std::vector<std::vector<int32_t>> token_ids;  // of each picture's prompt, as PromptInput::token_ids
  std::vector<std::string> objects;             // of each picture: the prompt's words
  std::vector<std::string> categories;          // of each picture: by which a validation forms its classes
};

// Standard-normal draws of a step: one for each picture, and one for all of each state.
struct StepNoise {
  torch::Tensor context;   // [N, E]
  torch::Tensor normal;    // [E]
  torch::Tensor abnormal;  // [E]
};

// The prompts of a batch: every picture's own context with the same two states.
struct DrawnTexts {
  std::vector<PromptDraw> context;  // of each picture
  PromptDraw normal;
  PromptDraw abnormal;
  torch::Tensor text;  // T: [N, 2B, E], unit rows: B normal ones, B abnormal ones
};

DrawnTexts DrawTexts(const BayesPflModel& model, const LabelledBatch& batch, const StepNoise& noise);

// Image-level logits of every picture, [N, 2B]; the model's stage says by which head.
torch::Tensor ImageLogits(const BayesPflModel& model, const LabelledBatch& batch, const torch::Tensor& text);

// What a loss is made of, each a scalar with its weight applied. Those of other stages are undefined or empty.
struct LossTerms {
  torch::Tensor cross_entropy;
  std::vector<torch::Tensor> focal;  // of each tapped layer
  std::vector<torch::Tensor> dice;   // of each tapped layer
  torch::Tensor kl_context;
  torch::Tensor kl_normal;
  torch::Tensor kl_abnormal;
  torch::Tensor orthogonality;
  // Where the towers learn (model/tower_training/towers_task.h).
  torch::Tensor auxiliary;
  torch::Tensor captions;
  torch::Tensor distillation;

  // Of all that there are.
  torch::Tensor Total() const;
};

// Stage 1: all terms, logits and maps of the pair `prompt` (0 .. B - 1) alone. `upsampling` is
// InterpolationMatrix(S, G). Requires a model of stage 1.
LossTerms Stage1Loss(const BayesPflModel& model, const LabelledBatch& batch, const StepNoise& noise, int64_t prompt,
                     const torch::Tensor& upsampling);

// Stage 2: the cross entropy alone; texts are drawn without gradient, since nothing behind them learns. Requires a
// model of stage 2.
LossTerms Stage2Loss(const BayesPflModel& model, const LabelledBatch& batch, const StepNoise& noise, int64_t prompt);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_TRAINING_LOSS_H_
