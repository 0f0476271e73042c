#include "model/network/model.h"

#include <algorithm>
#include <utility>

#include "model/network/unit_length.h"
#include "model/network/weights.h"

namespace bayespfl {

absl::StatusOr<std::unique_ptr<const BayesPflModel>> BayesPflModel::Load(
    const ModelConfig& config, const TensorSource& clip, const TensorSource& bayespfl, torch::Device device,
    const NetworkKernels& kernels, Precision precision) {
  if (absl::Status status = CheckPrecision(kernels, precision); !status.ok()) return status;
  const c10::InferenceMode inference;
  std::unique_ptr<BayesPflModel> model(new BayesPflModel(config, device, precision));
  model->map_kernel_ = kernels.maps;
  WeightReader towers(clip, device);
  model->vision_ = VisionTransformer::Load(towers, config, kernels, precision);
  model->text_ = TextTransformer::Load(towers, config, kernels, precision);
  if (!towers.status().ok()) return towers.status();
  WeightReader weights(bayespfl, device);
  model->distributions_ = PromptDistributions::Load(weights, config);
  model->bank_ = PromptBank::Load(weights, config);
  model->rca_ = ResidualCrossAttention::Load(weights, config);
  model->head_ = ImageHead::Load(weights, config);
  if (!weights.status().ok()) return weights.status();
  return model;
}

std::vector<torch::Tensor> BayesPflModel::EncodePrompts(const torch::Tensor& image_features,
                                                        const std::vector<PromptInput>& inputs, PromptForm form) const {
  const std::vector<PromptDistribution> context = distributions_.Context(image_features);
  std::vector<PromptParts> pictures;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const PromptNoise& noise = inputs[i].noise;
    pictures.push_back(
        {.tokens = text_.EmbedTokens(inputs[i].token_ids),
         .context = bank_.ContextRows(context[i].Sample(noise.context)),
         .normal = bank_.StateRows(PromptState::kNormal, distributions_.normal().Sample(noise.normal)),
         .abnormal = bank_.StateRows(PromptState::kAbnormal, distributions_.abnormal().Sample(noise.abnormal))});
  }
  const torch::Tensor all = UnitLength(
      form == PromptForm::kShared ? text_.EncodeShared(SharePrompts(pictures, text_.Positions(config_.context_length)))
                                  : EncodeWhole(pictures));
  std::vector<torch::Tensor> result;
  int64_t begin = 0;
  for (const PromptParts& parts : pictures) {
    const int64_t prompts = 2 * parts.context.size(0);
    result.push_back(all.slice(0, begin, begin + prompts));
    begin += prompts;
  }
  return result;
}

torch::Tensor BayesPflModel::EncodeWhole(const std::vector<PromptParts>& pictures) const {
  std::vector<torch::Tensor> sequences;  // per picture [2M, its length, D_t]
  std::vector<int64_t> ends;             // per sequence of all pictures
  int64_t longest = 0;
  for (const PromptParts& parts : pictures) {
    const torch::Tensor head = parts.tokens.slice(0, 0, 1).expand({parts.context.size(0), -1, -1});
    const torch::Tensor tail = parts.tokens.slice(0, 2).expand({parts.context.size(0), -1, -1});
    const torch::Tensor both = torch::cat({torch::cat({head, parts.context, parts.normal, tail}, 1),
                                           torch::cat({head, parts.context, parts.abnormal, tail}, 1)});
    sequences.push_back(both + text_.Positions(both.size(1)));
    ends.insert(ends.end(), static_cast<size_t>(both.size(0)), both.size(1) - 1);
    longest = std::max(longest, both.size(1));
  }
  for (torch::Tensor& rows : sequences) rows = torch::constant_pad_nd(rows, {0, 0, 0, longest - rows.size(1)});
  return text_.Encode(torch::cat(sequences), torch::tensor(ends, torch::kInt64).to(device_));
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
