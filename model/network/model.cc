#include "model/network/model.h"

#include <algorithm>
#include <utility>

#include "model/network/unit_length.h"
#include "model/network/weights.h"

namespace bayespfl {

torch::Tensor UpsampleLogits(const torch::Tensor& logits, int64_t side) {
  return at::upsample_bilinear2d(logits.unsqueeze(0), {side, side}, /*align_corners=*/true).squeeze(0);
}

absl::StatusOr<std::unique_ptr<const BayesPflModel>> BayesPflModel::Load(const ModelConfig& config,
                                                                         const TensorSource& clip,
                                                                         const TensorSource& bayespfl,
                                                                         torch::Device device) {
  const c10::InferenceMode inference;
  std::unique_ptr<BayesPflModel> model(new BayesPflModel(config, device));
  WeightReader towers(clip, device);
  model->vision_ = VisionTransformer::Load(towers, config);
  model->text_ = TextTransformer::Load(towers, config);
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
                                                        const std::vector<PromptInput>& inputs) const {
  const std::vector<PromptDistribution> context = distributions_.Context(image_features);
  const int64_t learned_rows = config_.context_rows + config_.state_rows;
  int64_t longest = 0;
  for (const PromptInput& input : inputs) {
    longest = std::max(longest, static_cast<int64_t>(input.token_ids.size()) - 1 + learned_rows);
  }

  std::vector<torch::Tensor> rows;  // per picture [2M, longest, D_t]
  std::vector<int64_t> ends;        // per row of all pictures
  for (size_t i = 0; i < inputs.size(); ++i) {
    const PromptInput& input = inputs[i];
    const int64_t length = static_cast<int64_t>(input.token_ids.size()) - 1 + learned_rows;
    const torch::Tensor tokens = text_.EmbedTokens(input.token_ids);
    const torch::Tensor z_context = context[i].Sample(input.noise.context);
    const torch::Tensor z_normal = distributions_.normal().Sample(input.noise.normal);
    const torch::Tensor z_abnormal = distributions_.abnormal().Sample(input.noise.abnormal);
    const torch::Tensor both = torch::cat(
        {PromptBank::Assemble(tokens, bank_.LearnedRows(PromptState::kNormal, z_context, z_normal), length),
         PromptBank::Assemble(tokens, bank_.LearnedRows(PromptState::kAbnormal, z_context, z_abnormal), length)});
    const torch::Tensor placed = both + text_.Positions(length);
    rows.push_back(torch::constant_pad_nd(placed, {0, 0, 0, longest - length}));
    ends.insert(ends.end(), static_cast<size_t>(both.size(0)), length - 1);
  }
  const torch::Tensor end = torch::tensor(ends, torch::kInt64).to(device_);
  const torch::Tensor all = UnitLength(text_.Encode(torch::cat(rows), end));

  std::vector<torch::Tensor> result;
  int64_t begin = 0;
  for (const torch::Tensor& picture : rows) {
    result.push_back(all.slice(0, begin, begin + picture.size(0)));
    begin += picture.size(0);
  }
  return result;
}

ImageScore BayesPflModel::ScoreImage(const torch::Tensor& text, const torch::Tensor& image_embedding,
                                     int64_t samples) const {
  const torch::Tensor probabilities = AbnormalProbability(head_.Logits(text, image_embedding));  // [R B]
  const torch::Tensor per_sample = probabilities.view({samples, config_.prompts}).mean(1);
  return {probabilities.mean().item<float>(), per_sample.std(/*unbiased=*/false).item<float>()};
}

AnomalyMaps BayesPflModel::MapAnomalies(const torch::Tensor& text, const std::vector<torch::Tensor>& patches,
                                        int64_t samples, bool want_deviation) const {
  const int64_t grid = config_.grid();
  const int64_t pairs = text.size(0) / 2;
  // Interpolation is linear, so the difference of the two logits can be up-sampled instead of both.
  std::vector<torch::Tensor> differences;  // per layer [R, B, G, G]
  for (const torch::Tensor& layer : patches) {
    const torch::Tensor logits = rca_.PixelLogits(rca_.RefineText(text, layer), layer);  // [2M, L]
    differences.push_back(
        (logits.slice(0, pairs) - logits.slice(0, 0, pairs)).view({samples, config_.prompts, grid, grid}));
  }
  const torch::Tensor stacked = torch::cat(differences, 1);  // [R, 4 B, G, G]

  // Sample by sample: the full-size maps of all samples at once would take R times the memory.
  std::vector<torch::Tensor> sample_maps;
  torch::Tensor sum = torch::zeros({config_.image_size, config_.image_size}, stacked.options());
  for (int64_t r = 0; r < samples; ++r) {
    const torch::Tensor map = torch::sigmoid(UpsampleLogits(stacked[r], config_.image_size)).mean(0);
    sum += map;
    if (want_deviation) sample_maps.push_back(map);
  }
  AnomalyMaps result;
  result.mean = sum / samples;
  if (want_deviation) result.deviation = torch::stack(sample_maps).std(0, /*unbiased=*/false);
  return result;
}

}  // namespace bayespfl
