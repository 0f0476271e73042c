#include "model/training/training_loss.h"

#include <cstddef>

#include "model/network/prompt_batch.h"
#include "model/training/cross_entropy.h"
#include "model/training/interpolation_matrix.h"
#include "model/training/orthogonality_loss.h"
#include "model/training/pixel_losses.h"

namespace bayespfl {
namespace {

// The columns (axis 1) of the pair `prompt` among M normal and M abnormal ones: [N, 2, ..].
torch::Tensor Pair(const torch::Tensor& rows, int64_t prompt) {
  const int64_t pairs = rows.size(1) / 2;
  return torch::stack({rows.select(1, prompt), rows.select(1, pairs + prompt)}, 1);
}

// Of one tapped layer, the abnormal text's logits less the normal one's at full size: [N, S, S]. pair [N, 2, E].
torch::Tensor LogitDifferences(const BayesPflModel& model, const torch::Tensor& pair, const torch::Tensor& patches,
                               const torch::Tensor& upsampling) {
  const int64_t grid = model.config().grid();
  std::vector<torch::Tensor> maps;
  for (int64_t i = 0; i < pair.size(0); ++i) {
    const torch::Tensor refined = model.rca().RefineText(pair[i], patches[i]);  // [2, E]
    const torch::Tensor difference = refined.slice(0, 1) - refined.slice(0, 0, 1);
    maps.push_back(model.rca().PixelLogits(difference, patches[i]).view({grid, grid}));
  }
  return Upsample(upsampling, torch::stack(maps));
}

torch::Tensor Sum(const std::vector<torch::Tensor>& terms) { return torch::stack(terms).sum(); }

}  // namespace

DrawnTexts DrawTexts(const BayesPflModel& model, const LabelledBatch& batch, const StepNoise& noise) {
  DrawnTexts drawn = {.context = {},
                      .normal = DrawPrompt(model.distributions().normal(), noise.normal),
                      .abnormal = DrawPrompt(model.distributions().abnormal(), noise.abnormal),
                      .text = {}};
  const PromptDistribution context = model.distributions().Context(batch.features.image);
  const int64_t pictures = batch.features.image.size(0);
  std::vector<PromptSource> sources;
  std::vector<torch::Tensor> own;  // of each picture [E]
  for (int64_t i = 0; i < pictures; ++i) {
    drawn.context.push_back(DrawPrompt(context.Of({.first = i, .first_sample = i}), noise.context[i]));
    own.push_back(drawn.context.back().zk);
    sources.push_back({.token_ids = batch.token_ids[static_cast<size_t>(i)]});
  }
  const PromptPlan plan(sources, model.config());
  const torch::Tensor rows = model.EncodeSamples(plan.Split(plan.Numbers().to(model.device())),
                                                 {.context = torch::stack(own),
                                                  .normal = drawn.normal.zk.expand({pictures, -1}),
                                                  .abnormal = drawn.abnormal.zk.expand({pictures, -1})},
                                                 PromptForm::kWhole);
  drawn.text = rows.view({pictures, -1, rows.size(1)});
  return drawn;
}

torch::Tensor ImageLogits(const BayesPflModel& model, const LabelledBatch& batch, const torch::Tensor& text) {
  const torch::Tensor embeddings = model.image_head().ImageEmbedding(batch.features);
  std::vector<torch::Tensor> logits;
  for (int64_t i = 0; i < text.size(0); ++i) logits.push_back(model.image_head().Logits(text[i], embeddings[i]));
  return torch::stack(logits);
}

torch::Tensor LossTerms::Total() const {
  if (!orthogonality.defined()) return cross_entropy;
  torch::Tensor total = cross_entropy + Sum(focal) + Sum(dice) + kl_context + kl_normal + kl_abnormal + orthogonality;
  for (const torch::Tensor& term : {auxiliary, captions, distillation}) {
    if (term.defined()) total = total + term;
  }
  return total;
}

LossTerms Stage1Loss(const BayesPflModel& model, const LabelledBatch& batch, const StepNoise& noise, int64_t prompt,
                     const torch::Tensor& upsampling) {
  const DrawnTexts drawn = DrawTexts(model, batch, noise);
  const torch::Tensor pair = Pair(drawn.text, prompt);
  LossTerms terms;
  // Rows do not see each other: the logits of the pair are all that is needed.
  terms.cross_entropy = CrossEntropyLoss(ImageLogits(model, batch, pair), batch.labels);
  const PixelLosses losses(batch.positive);
  for (size_t layer = 0; layer < batch.features.patch_tokens.size(); ++layer) {
    const torch::Tensor patches = model.rca().ProjectPatches(layer, batch.features.patch_tokens[layer]);
    const PixelLossTerms of_layer = losses.Of(LogitDifferences(model, pair, patches, upsampling));
    terms.focal.push_back(of_layer.focal);
    terms.dice.push_back(of_layer.dice);
  }
  terms.kl_context = kKlWeight * ContextKl(drawn.context);
  terms.kl_normal = kKlWeight * StateKl(drawn.normal, batch.labels.size(0));
  terms.kl_abnormal = kKlWeight * StateKl(drawn.abnormal, batch.labels.size(0));
  terms.orthogonality = OrthogonalityLoss(drawn.text);
  return terms;
}

LossTerms Stage2Loss(const BayesPflModel& model, const LabelledBatch& batch, const StepNoise& noise, int64_t prompt) {
  torch::Tensor pair;
  {
    const torch::NoGradGuard no_grad;
    pair = Pair(DrawTexts(model, batch, noise).text, prompt);
  }
  LossTerms terms;
  terms.cross_entropy = CrossEntropyLoss(ImageLogits(model, batch, pair), batch.labels);
  return terms;
}

}  // namespace bayespfl
