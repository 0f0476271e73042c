#include "model/network/model.h"

#include <utility>

#include "model/network/unit_length.h"
#include "model/network/whole_prompts.h"

namespace bayespfl {

absl::StatusOr<std::unique_ptr<const BayesPflModel>> BayesPflModel::Load(
    const ModelConfig& config, const TensorSource& clip, const TensorSource& bayespfl, torch::Device device,
    const NetworkKernels& kernels, Precision precision) {
  if (absl::Status status = CheckPrecision(kernels, precision); !status.ok()) return status;
  const c10::InferenceMode inference;
  absl::StatusOr<ClipTowers> towers = LoadTowers(config, clip, device, kernels, precision);
  if (!towers.ok()) return towers.status();
  std::unique_ptr<BayesPflModel> model(new BayesPflModel(config, device, precision));
  model->map_kernel_ = kernels.maps;
  model->towers_ = *std::move(towers);
  WeightReader weights(bayespfl, device);
  if (absl::Status status = model->LoadParts(weights); !status.ok()) return status;
  return model;
}

absl::StatusOr<ClipTowers> BayesPflModel::LoadTowers(const ModelConfig& config, const TensorSource& clip,
                                                     torch::Device device, const NetworkKernels& kernels,
                                                     Precision precision) {
  WeightReader reader(clip, device);
  ClipTowers towers = {.vision = VisionTransformer::Load(reader, config, kernels, precision),
                       .text = TextTransformer::Load(reader, config, kernels, precision)};
  if (!reader.status().ok()) return reader.status();
  return towers;
}

absl::StatusOr<std::unique_ptr<const BayesPflModel>> BayesPflModel::Assemble(const ModelConfig& config,
                                                                             const ClipTowers& towers,
                                                                             WeightReader& weights,
                                                                             torch::Device device) {
  std::unique_ptr<BayesPflModel> model(new BayesPflModel(config, device, Precision::kFp32));
  model->towers_ = towers;
  if (absl::Status status = model->LoadParts(weights); !status.ok()) return status;
  return model;
}

absl::Status BayesPflModel::LoadParts(WeightReader& weights) {
  distributions_ = PromptDistributions::Load(weights, config_);
  bank_ = PromptBank::Load(weights, config_);
  rca_ = ResidualCrossAttention::Load(weights, config_);
  head_ = ImageHead::Load(weights, config_);
  return weights.status();
}

std::vector<torch::Tensor> BayesPflModel::EncodePrompts(const torch::Tensor& image_features,
                                                        const std::vector<PromptInput>& inputs, PromptForm form) const {
  const std::vector<PromptDistribution> context = distributions_.Context(image_features);
  std::vector<PromptParts> pictures;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const PromptNoise& noise = inputs[i].noise;
    pictures.push_back(
        {.tokens = text().EmbedTokens(inputs[i].token_ids),
         .context = bank_.ContextRows(context[i].Sample(noise.context)),
         .normal = bank_.StateRows(PromptState::kNormal, distributions_.normal().Sample(noise.normal)),
         .abnormal = bank_.StateRows(PromptState::kAbnormal, distributions_.abnormal().Sample(noise.abnormal))});
  }
  const torch::Tensor all =
      UnitLength(form == PromptForm::kShared
                     ? text().EncodeShared(SharePrompts(pictures, text().Positions(config_.context_length)))
                     : EncodeWhole(text(), pictures));
  std::vector<torch::Tensor> result;
  int64_t begin = 0;
  for (const PromptParts& parts : pictures) {
    const int64_t prompts = 2 * parts.context.size(0);
    result.push_back(all.slice(0, begin, begin + prompts));
    begin += prompts;
  }
  return result;
}

torch::Tensor BayesPflModel::ScoreTensor(const torch::Tensor& text, const torch::Tensor& image_embedding,
                                         int64_t samples) const {
  const torch::Tensor probabilities = AbnormalProbability(head_.Logits(text, image_embedding));  // [R B]
  const torch::Tensor per_sample = probabilities.view({samples, config_.prompts}).mean(1);
  return torch::stack({probabilities.mean(), per_sample.std(/*unbiased=*/false)});
}

ImageScore BayesPflModel::ScoreImage(const torch::Tensor& text, const torch::Tensor& image_embedding,
                                     int64_t samples) const {
  const torch::Tensor score = ScoreTensor(text, image_embedding, samples).to(torch::kCPU);
  return {score[0].item<float>(), score[1].item<float>()};
}

AnomalyMaps BayesPflModel::MapAnomalies(const torch::Tensor& text, const std::vector<torch::Tensor>& patches,
                                        int64_t samples, bool want_deviation) const {
  const int64_t grid = config_.grid();
  const int64_t pairs = text.size(0) / 2;
  const torch::Tensor queries = rca_.Queries(text);
  std::vector<torch::Tensor> differences;  // per layer [R, B, G, G]
  for (const torch::Tensor& layer : patches) {
    const torch::Tensor refined = rca_.RefineText(text, queries, layer);
    // Logits are linear in the text: one product with the difference of a pair instead of two and their difference.
    const torch::Tensor logits = rca_.PixelLogits(refined.slice(0, pairs) - refined.slice(0, 0, pairs), layer);
    differences.push_back(logits.view({samples, config_.prompts, grid, grid}));
  }
  return FuseAnomalyMaps(torch::cat(differences, 1),
                         {.side = config_.image_size, .want_deviation = want_deviation, .kernel = map_kernel_});
}

}  // namespace bayespfl
