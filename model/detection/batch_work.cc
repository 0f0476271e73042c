#include "model/detection/batch_work.h"

#include "model/detection/host_stage.h"

namespace bayespfl {

void BatchWork::EncodeImages(const BatchInputs& inputs) {
  const BayesPflModel& model = *order_.model;
  const VisionFeatures features = model.EncodeImages(inputs.pictures);
  image_features_ = features.image;
  embeddings_ = model.image_head().ImageEmbedding(features);
  for (size_t layer = 0; layer < features.patch_tokens.size(); ++layer) {
    patches_.push_back(model.rca().ProjectPatches(layer, features.patch_tokens[layer]));
  }
}

void BatchWork::EncodePrompts(const BatchInputs& inputs) {
  texts_ = order_.model->EncodePrompts(
      image_features_, {.plan = order_.plan, .numbers = inputs.numbers, .noise = inputs.noise}, order_.prompts);
}

void BatchWork::Run(size_t index) {
  const BayesPflModel& model = *order_.model;
  const PictureRun& run = order_.runs[index];
  const torch::Tensor text = run.RowsOf(texts_, 2 * model.config().prompts);
  const torch::Tensor scores = model.ScoreTensor(text, run.PicturesOf(embeddings_), run.samples);
  std::vector<torch::Tensor> patches;
  for (const torch::Tensor& layer : patches_) patches.push_back(run.PicturesOf(layer));
  const AnomalyMaps maps = model.MapAnomalies(text, patches, run.samples, (*order_.deviations)[index]);
  results_[3 * index] = scores;
  results_[3 * index + 1] = maps.mean;
  results_[3 * index + 2] = maps.deviation;
}

void BatchWork::Gather() { gathered_ = Gathered(results_); }

}  // namespace bayespfl
