#include "model/network/model.h"

#include <array>
#include <cstddef>
#include <utility>

#include "model/network/unit_length.h"

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
  return TakeTowers(config, reader, kernels, kernels, precision);
}

absl::StatusOr<ClipTowers> BayesPflModel::TakeTowers(const ModelConfig& config, WeightReader& weights,
                                                     const NetworkKernels& vision, const NetworkKernels& text,
                                                     Precision precision) {
  ClipTowers towers = {.vision = VisionTransformer::Load(weights, config, vision, precision),
                       .text = TextTransformer::Load(weights, config, text, precision)};
  if (!weights.status().ok()) return weights.status();
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

PromptNoise BayesPflModel::SampleBatch(const torch::Tensor& image_features, const PromptBatch& batch) const {
  const PromptDistribution context = distributions_.Context(image_features);
  std::array<std::vector<torch::Tensor>, 3> samples;
  for (const PictureRun& run : Runs(batch.plan->pictures())) {
    const PromptDistribution own_context = context.Of(run);
    size_t kind = 0;
    for (const PromptDistribution* const distribution :
         {&own_context, &distributions_.normal(), &distributions_.abnormal()}) {
      const torch::Tensor noise = run.RowsOf(batch.noise[static_cast<int64_t>(kind)], 1);
      samples[kind++].push_back(distribution->Sample(noise).reshape({-1, config_.embed_dim}));
    }
  }
  return {torch::cat(samples[0]), torch::cat(samples[1]), torch::cat(samples[2])};
}

torch::Tensor BayesPflModel::EncodePrompts(const torch::Tensor& image_features, const PromptBatch& batch,
                                           PromptForm form) const {
  return EncodeSamples(batch.plan->Split(batch.numbers), SampleBatch(image_features, batch), form);
}

torch::Tensor BayesPflModel::EncodeSamples(const PromptIndices& indices, const PromptNoise& samples,
                                           PromptForm form) const {
  const SharedPrompts prompts = SharePrompts({.tokens = text().EmbedTokens(indices.token_ids),
                                              .context = bank_.ContextRows(samples.context),
                                              .normal = bank_.StateRows(PromptState::kNormal, samples.normal),
                                              .abnormal = bank_.StateRows(PromptState::kAbnormal, samples.abnormal)},
                                             indices, text().Positions(config_.context_length));
  return UnitLength(form == PromptForm::kShared ? text().EncodeShared(prompts)
                                                : text().Encode(prompts.Whole(), prompts.ends));
}

std::vector<torch::Tensor> BayesPflModel::EncodePrompts(const torch::Tensor& image_features,
                                                        const std::vector<PromptInput>& inputs, PromptForm form) const {
  std::vector<PromptSource> sources;
  std::vector<torch::Tensor> noise;  // per picture [3, R, E]
  std::vector<int64_t> rows;         // per picture 2M
  for (const PromptInput& input : inputs) {
    const int64_t samples = input.noise.context.size(0);
    sources.push_back({.token_ids = input.token_ids, .samples = samples});
    noise.push_back(torch::stack({input.noise.context, input.noise.normal, input.noise.abnormal}));
    rows.push_back(2 * samples * config_.prompts);
  }
  const PromptPlan plan(sources, config_);
  const PromptBatch batch = {
      .plan = &plan, .numbers = plan.Numbers().to(device_), .noise = torch::cat(noise, 1).to(device_)};
  return torch::split_with_sizes(EncodePrompts(image_features, batch, form), rows);
}

torch::Tensor BayesPflModel::ScoreTensor(const torch::Tensor& text, const torch::Tensor& image_embedding,
                                         int64_t samples) const {
  const torch::Tensor probabilities = AbnormalProbability(head_.Logits(text, image_embedding), -1);  // [.., R B]
  const torch::Tensor per_sample = probabilities.unflatten(-1, {samples, config_.prompts}).mean(-1);
  return torch::stack({probabilities.mean(-1), per_sample.std(-1, /*unbiased=*/false)}, -1);
}

ImageScore BayesPflModel::ScoreImage(const torch::Tensor& text, const torch::Tensor& image_embedding,
                                     int64_t samples) const {
  const torch::Tensor score = ScoreTensor(text, image_embedding, samples).to(torch::kCPU);
  return {score[0].item<float>(), score[1].item<float>()};
}

AnomalyMaps BayesPflModel::MapAnomalies(const torch::Tensor& text, const std::vector<torch::Tensor>& patches,
                                        int64_t samples, bool want_deviation) const {
  const int64_t grid = config_.grid();
  const int64_t pairs = text.size(-2) / 2;
  const torch::Tensor queries = rca_.Queries(text);
  std::vector<torch::Tensor> differences;  // per layer [.., R, B, G, G]
  for (const torch::Tensor& layer : patches) {
    const torch::Tensor refined = rca_.RefineText(text, queries, layer);
    // Logits are linear in the text: one product with the difference of a pair instead of two and their difference.
    const torch::Tensor logits = rca_.PixelLogits(refined.slice(-2, pairs) - refined.slice(-2, 0, pairs), layer);
    differences.push_back(logits.unflatten(-1, {grid, grid}).unflatten(-3, {samples, config_.prompts}));
  }
  return FuseAnomalyMaps(torch::cat(differences, -3),
                         {.side = config_.image_size, .want_deviation = want_deviation, .kernel = map_kernel_});
}

}  // namespace bayespfl
